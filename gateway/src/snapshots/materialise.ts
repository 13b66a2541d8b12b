/** One load from manifest to finished folder: room, files, loader process, record. Nothing it makes can be seen until its record is there. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CompiledDataset, err, ok, type Result } from '@offloader/contract';
import type { Admission } from './admission.ts';
import { removeLoad } from './disk.ts';
import type { Offered } from './fetched.ts';
import { folders } from './layout.ts';
import { type LoadFailure, type LoadFile, type LoadJob, spillFolder } from './load-job.ts';
import { loadProblem } from './load-problems.ts';
import type { ObjectStore } from './object-store.ts';
import { type LoadRecord, writeRecord } from './record.ts';
import { runLoad } from './run-load.ts';
import { stageFiles } from './stage-files.ts';

export type LoadLimits = { readonly memoryLimit: string; readonly threads: number };
type Wanted = Offered & { readonly dataset: CompiledDataset };
export type LoadPorts = {
  readonly cacheDir: string;
  readonly limits: LoadLimits;
  readonly admission: Admission;
  /** Gives up what a volume can do without; true when that was anything. */
  readonly makeRoom: () => Promise<boolean>;
};

const jobOf = ({ dataset, manifest, promised }: Wanted, folder: string, files: readonly LoadFile[], limits: LoadLimits): LoadJob => {
  const declared = new Set(dataset.schema.filter((column) => column.type !== 'JSON').map((column) => column.name));
  const sort = [dataset.tenantColumn, ...dataset.filterColumns, ...manifest.partition_columns, ...manifest.sort_columns].filter(
    (name): name is string => name !== null && declared.has(name),
  );
  return {
    folder,
    files,
    schema: dataset.schema,
    declared: manifest.schema,
    modes: dataset.modes,
    sortColumns: [...new Set(sort)].slice(0, 4),
    rowCount: promised ? manifest.row_count : null,
    ...limits,
  };
};

const loadInto = async (
  loadId: string,
  { cacheDir, limits, admission }: LoadPorts,
  offered: Wanted,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<LoadRecord, LoadFailure>> => {
  const { dataset, manifest } = offered;
  const folder = folders(cacheDir).load(dataset.name, loadId);
  const files = await stageFiles(offered, folder, store, signal);
  if (!files.ok) return files;
  const answer = await admission.withMemory(async () => runLoad(jobOf(offered, folder, files.value, limits), signal));
  if (answer.kind !== 'loaded') return err({ status: answer.kind, problems: answer.problems });
  if (!dataset.modes.includes('RemoteScan')) await rm(join(folder, 'files'), { recursive: true, force: true });
  await rm(join(folder, spillFolder), { recursive: true, force: true });
  const record: LoadRecord = {
    format: 1,
    dataset: dataset.name,
    loadId,
    snapshotId: manifest.snapshot_id,
    watermark: manifest.watermark,
    rows: answer.rows,
    bytes: answer.bytes,
    quality: manifest.data_quality_status,
    layout: dataset.layout,
    schema: dataset.schema,
    tenantColumn: dataset.tenantColumn,
    modes: dataset.modes,
    loadedAt: new Date().toISOString(),
  };
  await writeRecord(cacheDir, record);
  return ok(record);
};

const loadOnce = async (
  ports: LoadPorts,
  offered: Wanted,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<LoadRecord, LoadFailure>> => {
  const loadId = randomBytes(6).toString('hex');
  const folder = folders(ports.cacheDir).load(offered.dataset.name, loadId);
  const fileBytes = offered.manifest.files.reduce((sum, file) => sum + file.size_bytes, 0);
  return ports.admission.withRoom({ folder, fileBytes, signal }, async () => {
    const loaded = await loadInto(loadId, ports, offered, store, signal).catch((error: unknown) =>
      // A disk that is full shows first in whatever is written next: a folder, the record.
      err({ status: 'failed' as const, problems: [loadProblem(error, '', null)] }),
    );
    if (!loaded.ok) await removeLoad(folder);
    return loaded;
  });
};

/** Loads an offered snapshot into a folder of its own; on any failure nothing of it is left. */
export const materialise: typeof loadOnce = async (ports, ...wanted) => {
  const loaded = await loadOnce(ports, ...wanted);
  const isFull = !loaded.ok && loaded.error.problems.some(({ code }) => code === 'disk_full');
  // What was set aside makes way before data that is to serve is given up.
  return isFull && (await ports.makeRoom()) ? loadOnce(ports, ...wanted) : loaded;
};
