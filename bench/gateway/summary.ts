/** What is reported: figures of a scenario, summary.json and summary.md. Pure. */
import { percentile } from '../percentiles.ts';
import type { Load } from './load.ts';
import type { ScenarioName } from './scenarios.ts';

export type Figures = {
  readonly scenario: ScenarioName;
  readonly concurrency: number;
  readonly requests: number;
  readonly errors: number;
  /** Of the successes; null without one. */
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
  /** Requests, whatever became of them, by the time that all of them took. */
  readonly rps: number;
};
/** Figures beside those of the bare server, which was asked the same right afterwards. `of_bare` compares successes: an error is quick. */
export type Measured = Figures & { readonly bare_rps: number; readonly of_bare: number };
export type Summary = {
  readonly generated_at: string;
  readonly note: string;
  readonly server: {
    readonly cold_load_ms: number;
    readonly warm_load_ms: number;
    readonly rss_mb: number;
    readonly cache_disk_bytes: number;
  };
  readonly scenarios: readonly Measured[];
};

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** The figures of one load. */
export const figuresOf = (scenario: ScenarioName, concurrency: number, { answers, wallMs }: Load): Figures => {
  const took = answers.filter(({ status }) => status === 200).map(({ ms }) => ms);
  const at = (p: number): number | null => (took.length === 0 ? null : rounded(percentile(took, p)));
  return {
    scenario,
    concurrency,
    requests: answers.length,
    errors: answers.length - took.length,
    p50_ms: at(50),
    p95_ms: at(95),
    p99_ms: at(99),
    max_ms: at(100),
    rps: rounded(answers.length / (wallMs / 1000)),
  };
};

const answered = ({ rps, requests, errors }: Figures): number => (rps * (requests - errors)) / requests;

export const besideBare = (gateway: Figures, bare: Figures): Measured => ({
  ...gateway,
  bare_rps: bare.rps,
  of_bare: rounded(answered(gateway) / answered(bare)),
});

/** What a reader must know before comparing. */
export const noteOf = (cores: number, rows: number): string =>
  `Relative figures, not an SLA: gateway, bare server and clients share ${cores} cores, so figures of one run compare with one another and with nothing else. ` +
  `${rows.toLocaleString('en')} rows; a page is 50 rows of one tenant. The bare server is node:http over @duckdb/node-api with the same SQL on the same file, and for cache_hit bytes from memory: ` +
  'no keys, parameters, metadata, ETags, limits, metrics or log.';

const row = (cells: readonly (string | number | null)[]): string => `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`;

/** The summary as a page. */
export const pageOf = ({ generated_at, note, server, scenarios }: Summary): string => {
  const heads = ['scenario', 'concurrency', 'requests', 'errors', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'rps', 'bare rps', 'of bare'];
  const rows = scenarios.map((one) =>
    row([one.scenario, one.concurrency, one.requests, one.errors, one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms, one.rps, one.bare_rps, one.of_bare]),
  ); // prettier-ignore
  return [
    '# The gateway, measured',
    '',
    `Made by \`make bench\`, ${generated_at.slice(0, 10)}. ${note}`,
    '',
    '| server | |',
    '| --- | --- |',
    row(['ready on an empty cache', `${server.cold_load_ms} ms`]),
    row(['ready again on the same cache', `${server.warm_load_ms} ms`]),
    row(['resident memory after the load', `${server.rss_mb} MB`]),
    row(['cache volume after the load', `${server.cache_disk_bytes} bytes`]),
    '',
    row(heads),
    row(heads.map((_, at) => (at === 0 ? '---' : '--:'))),
    ...rows,
    '',
  ].join('\n');
};
