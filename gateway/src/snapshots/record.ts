/** What is remembered on the volume: a record per load, and an index that says which of them serve. */
import type { Column, Manifest, ServingMode } from '@offloader/contract';
import { join } from 'node:path';
import type { Loaded } from '../domain/refresh.ts';
import { readJson, writeDurably } from '../durable-file.ts';
import { folders, isLoadId, recordFile } from './layout.ts';

/** One finished load; lies in its folder. */
export type LoadRecord = Loaded & {
  readonly format: 1;
  readonly dataset: string;
  readonly loadId: string;
  readonly bytes: number;
  readonly quality: Manifest['data_quality_status'];
  readonly schema: readonly Column[];
  readonly tenantColumn: string | null;
  readonly modes: readonly ServingMode[];
};

/** The snapshot whose files are damaged or gone, until one has been built again. */
export type Damaged = { readonly snapshotId: string; readonly atMs: number };

export type DatasetIndex = {
  readonly active: string | null;
  readonly kept: readonly string[];
  readonly rebuilt: string | null;
  readonly refreshed: string | null;
  readonly etag: string | null;
  readonly lastGoodAt: string | null;
  readonly damaged: Damaged | null;
};
export type CacheIndex = { readonly format: 1; readonly datasets: Readonly<Record<string, DatasetIndex>> };

export const emptyIndex: DatasetIndex = {
  active: null,
  kept: [],
  rebuilt: null,
  refreshed: null,
  etag: null,
  lastGoodAt: null,
  damaged: null,
};

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
/** What is no load's id is nobody's path. */
const loadIdOrNull = (value: unknown): string | null => (typeof value === 'string' && isLoadId(value) ? value : null);
const damagedOrNull = (value: unknown): Damaged | null =>
  isFields(value) && typeof value['snapshotId'] === 'string' && typeof value['atMs'] === 'number'
    ? { snapshotId: value['snapshotId'], atMs: value['atMs'] }
    : null;

/** A damaged entry costs its dataset a cold start, the others nothing. */
const parseEntry = (value: unknown): DatasetIndex => {
  if (!isFields(value)) return emptyIndex;
  const active = loadIdOrNull(value['active']);
  const kept = Array.isArray(value['kept']) ? value['kept'].map(loadIdOrNull).filter((id) => id !== null && id !== active) : [];
  return {
    active,
    kept: [...new Set(kept)] as readonly string[],
    rebuilt: textOrNull(value['rebuilt']),
    refreshed: textOrNull(value['refreshed']),
    etag: textOrNull(value['etag']),
    lastGoodAt: textOrNull(value['lastGoodAt']),
    damaged: damagedOrNull(value['damaged']),
  };
};

/** The index, or an empty one when it is absent, damaged or of a form that this version does not know: a cold start, not a crash. */
export const readIndex = async (cacheDir: string): Promise<CacheIndex> => {
  const value = await readJson(folders(cacheDir).index);
  const datasets = isFields(value) && value['format'] === 1 && isFields(value['datasets']) ? value['datasets'] : {};
  return { format: 1, datasets: Object.fromEntries(Object.entries(datasets).map(([name, entry]) => [name, parseEntry(entry)])) };
};

const fieldTypes = { snapshotId: 'string', layout: 'string', loadedAt: 'string', rows: 'number', bytes: 'number', quality: 'string' };

/** The record of a finished load of this dataset; undefined when it is absent, damaged, another's or of an unknown form. */
export const readRecord = async (cacheDir: string, dataset: string, loadId: string): Promise<LoadRecord | undefined> => {
  const value = await readJson(join(folders(cacheDir).load(dataset, loadId), recordFile));
  const isOne =
    isFields(value) &&
    value['format'] === 1 &&
    value['loadId'] === loadId &&
    value['dataset'] === dataset &&
    Array.isArray(value['schema']) &&
    Array.isArray(value['modes']) &&
    Object.entries(fieldTypes).every(([name, type]) => typeof value[name] === type);
  return isOne ? (value as unknown as LoadRecord) : undefined;
};

export const writeRecord = async (cacheDir: string, record: LoadRecord): Promise<void> =>
  writeDurably(join(folders(cacheDir).load(record.dataset, record.loadId), recordFile), JSON.stringify(record));

export const writeIndex = async (cacheDir: string, index: CacheIndex): Promise<void> =>
  writeDurably(folders(cacheDir).index, JSON.stringify(index));
