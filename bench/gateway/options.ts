/** What a run is asked for on its command line. */
import { parseArgs } from 'node:util';

export type Options = {
  /** At each level of each scenario. */
  readonly requests: number;
  readonly concurrency: readonly number[];
  readonly remoteScan: boolean;
  /** Of the dataset. */
  readonly rows: number;
  /** Where summary.json and summary.md go. */
  readonly out: string;
  /** Where the page goes as well. */
  readonly page: string | null;
};

/** --deep, --remote-scan, --out FOLDER, --page FILE. */
export const parseOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      deep: { type: 'boolean', default: false },
      'remote-scan': { type: 'boolean', default: false },
      out: { type: 'string', default: '.bench' },
      page: { type: 'string' },
    },
  });
  return {
    requests: values.deep ? 5000 : 300,
    concurrency: [1, 10, 50, 100],
    remoteScan: values['remote-scan'],
    rows: 600_000,
    out: values.out,
    page: values.page ?? null,
  };
};
