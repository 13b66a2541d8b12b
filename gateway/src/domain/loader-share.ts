/** What of a load's memory its engine may count on, and with how many threads. Pure. */

const unitBytes: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const mebibyte = 2 ** 20;
/** Node.js before it does anything, and what DuckDB's allocator is slow to give back however small its limit: measured at 20 and up to 60 MiB. */
const runtimeBytes = 64 * mebibyte;
/** What DuckDB takes beside the memory that it counts, for decoding and for what its allocator holds back: up to a quarter. */
const countedShare = 0.75;
/** Of a small limit more goes to both together: on a busy machine a process was measured at up to 117 MiB more than its engine's memory. */
const besideBytes = 124 * mebibyte;
/** With less than this an engine reads no Parquet file of ordinary row groups: limits below 196 MiB are too small to be kept. */
const leastBytes = 72 * mebibyte;
const leastShare = 0.45;
/** A thread reads, sorts and writes blocks of its own. With less for each, loads have failed for want of memory. */
const threadBytes = 96 * mebibyte;

/** A size as the settings take it: 512MiB, 1.5GB. */
export const bytesOf = (size: string): number => {
  const [, amount, unit] = /^([0-9.]+)([A-Za-z]+)$/.exec(size) ?? [];
  return Number(amount) * (unitBytes[unit ?? ''] ?? Number.NaN);
};

/** The loader process as a whole stays below `memoryLimit`: DuckDB counts only part of what it uses, and is not alone in the process. */
export const loaderShare = (memoryLimit: string, threads: number): { readonly engineBytes: number; readonly threads: number } => {
  const bytes = bytesOf(memoryLimit);
  const counted = Math.min((bytes - runtimeBytes) * countedShare, bytes - besideBytes);
  const engineBytes = Math.floor(Math.max(counted, Math.min(leastBytes, bytes * leastShare)));
  // Two at least, whatever the processors: one thread alone sorts more at once than a small limit holds.
  return { engineBytes, threads: Math.max(2, Math.min(threads, Math.floor(engineBytes / threadBytes))) };
};

/** A limit that suits a load which failed with this one: twice as much, or what its engine needs at least. */
export const limitInstead = (memoryLimit: string, neededBytes: number): string => {
  const bytes = Math.max(2 * bytesOf(memoryLimit), neededBytes / countedShare + runtimeBytes, neededBytes + besideBytes);
  return `${Math.ceil(bytes / (64 * mebibyte)) * 64}MiB`;
};
