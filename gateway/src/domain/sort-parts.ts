/**
 * How a table that is larger than a load's memory is sorted all the same: its rows are copied as they come, and the copy is cut into ranges
 * of the sort columns that DuckDB can sort, one after another. So what reading files takes (of Parquet a row group for each thread) and what
 * sorting takes never come together. DuckDB sorts more than its memory holds in runs, which it merges; a merge fails where rows are wide,
 * since each thread holds a stretch of rows as a whole, or where runs are many. Pure.
 */
import type { Column } from '@offloader/contract';
import { quoted } from './sql.ts';

/** Rows of which a sort key and a size are taken: parts of even size need some hundred for each. */
const sampleRows = 10_000;
/** What a thread holds at once of what it merges. */
const mergedRows = 122_880;
/** Of the engine's memory: what all threads may hold so. Measured: a third went well, two thirds failed. */
const mergeShare = 0.4;
/** Of the engine's memory: what may be sorted at once by merging runs (25 failed), and where they cannot be merged: within memory. */
const mergedFactor = 5;
const inMemoryFactor = 1 / 3;
/** Each part reads the copy again: beyond this a load would take a day instead of failing. */
const mostParts = 100;
/** A value in a row that is being sorted: eight bytes, or for a text sixteen and its characters. */
const textBytes = 16;
const otherBytes = 8;
/** Of a key, in hexadecimal digits: a text may be of any length, and where a range begins need not be exact. */
const keyDigits = 512;
/** What a table may take before its rows are looked at, which costs a copy: for each value, and for each byte of a file, packed as it is. */
const presumed = { valueBytes: 64, fileFactor: 4 };

export type SampledRow = { readonly key: string; readonly bytes: number };
/** Rows with a key in it, `from` included and `to` not: hexadecimal bytes; null is without end. */
export type SortRange = { readonly from: string | null; readonly to: string | null };
export const whole: SortRange = { from: null, to: null };

/** Bytes of a row that compare as its sort columns do, never NULL. */
const keySql = (sortColumns: readonly string[]): string =>
  `create_sort_key(${sortColumns.map((name) => `${quoted(name)}, 'ASC NULLS LAST'`).join(', ')})`;

const valueBytesSql = ({ name, type }: Column): string =>
  type === 'VARCHAR' || type === 'JSON' ? `${textBytes} + coalesce(strlen(${quoted(name)}), 0)` : String(otherBytes);

/** Some rows of all: the sort key of each, in hexadecimal digits, and what it takes in a sort. */
export const sampleSql = (select: string, schema: readonly Column[], sortColumns: readonly string[]): string =>
  `SELECT k, b FROM (SELECT left(hex(${keySql(sortColumns)}), ${keyDigits}) AS k, ${schema.map(valueBytesSql).join(' + ')} AS b FROM (${select})) USING SAMPLE reservoir(${sampleRows} ROWS)`;

export type TableSize = { readonly rows: number; readonly columns: number; readonly fileBytes: number };
export type Engine = { readonly engineBytes: number; readonly threads: number };
/** Whether a table is sorted as a whole, by what is known before its rows are looked at. */
export const sortsAtOnce = ({ rows, columns, fileBytes }: TableSize, { engineBytes }: Engine): boolean =>
  rows * columns * presumed.valueBytes + fileBytes * presumed.fileFactor <= engineBytes * inMemoryFactor;

/** The ranges, in order: every row is in exactly one of them, whatever was sampled. */
const cut = (keys: readonly string[], parts: number): readonly SortRange[] => {
  const sorted = keys.toSorted();
  const evenly = Array.from({ length: parts - 1 }, (_, at) => sorted[Math.floor(((at + 1) * sorted.length) / parts)] ?? '');
  // A key that fills a part alone gets one: what follows it at once is itself with a zero byte.
  const cuts = [...new Set(evenly.map((key, at) => (key === evenly[at - 1] ? `${key}00` : key)))];
  return [null, ...cuts].map((from, at) => ({ from, to: cuts[at] ?? null }));
};

export type SortPlan = { readonly ranges: readonly SortRange[]; readonly threads: number };
/** The ranges to fill a table by, and with how many threads. What a range spills is no more than the files take: the volume has room for it. */
export const sortPlan = (
  sample: readonly SampledRow[],
  { rows, fileBytes }: Omit<TableSize, 'columns'>,
  { engineBytes, threads }: Engine,
): SortPlan => {
  const rowBytes = sample.reduce((sum, { bytes }) => sum + bytes, 0) / Math.max(1, sample.length);
  const mergers = Math.floor((engineBytes * mergeShare) / Math.max(1, rowBytes * mergedRows));
  // One thread alone sorts more at once than a small limit holds.
  const merges = mergers >= 2;
  const inMemory = engineBytes * inMemoryFactor;
  const atOnce = merges ? Math.max(inMemory, Math.min(engineBytes * mergedFactor, fileBytes)) : inMemory;
  const parts = Math.ceil((rows * rowBytes) / atOnce);
  const keys = sample.map(({ key }) => key);
  return { ranges: cut(keys, Math.max(1, Math.min(parts, mostParts))), threads: merges ? Math.min(threads, mergers) : threads };
};

const blob = (hex: string): string => `'${hex.replace(/../g, '\\x$&')}'::BLOB`;
const isOneKey = ({ from, to }: SortRange): boolean => from !== null && to === `${from}00`;

/** The rows of a range, sorted; those of a single key are. */
export const rangeSql = (select: string, range: SortRange, sortColumns: readonly string[]): string => {
  const key = keySql(sortColumns);
  const bounds = [
    ...(range.from === null ? [] : [`${key} >= ${blob(range.from)}`]),
    ...(range.to === null ? [] : [`${key} < ${blob(range.to)}`]),
  ];
  const where = bounds.length === 0 ? '' : ` WHERE ${bounds.join(' AND ')}`;
  return `SELECT * FROM (${select})${where}${isOneKey(range) ? '' : ` ORDER BY ${sortColumns.map(quoted).join(', ')}`}`;
};
