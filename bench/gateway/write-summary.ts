/** Puts a summary where it was asked for. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Options } from './options.ts';
import { pageOf, type Summary } from './summary.ts';

/** Writes summary.json and summary.md, and the page once more where one is kept; gives the page. */
export const writeSummary = async (summary: Summary, { out, page }: Pick<Options, 'out' | 'page'>): Promise<string> => {
  const text = pageOf(summary);
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  await writeFile(join(out, 'summary.md'), text);
  if (page !== null) await writeFile(page, text);
  return text;
};
