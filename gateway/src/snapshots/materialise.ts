/** One load from manifest to finished folder: room, files, loader process, record. Nothing it makes can be seen until its record is there. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type CompiledDataset, err, type Manifest, ok, type Problem, resolveFileUrl, type Result } from '@offloader/contract';
import { folders } from './layout.ts';
import type { LoadFile, LoadJob } from './load-job.ts';
import { loadProblem } from './load-problems.ts';
import type { ObjectStore } from './object-store.ts';
import { type LoadRecord, writeRecord } from './record.ts';
import { runLoad } from './run-load.ts';

export type LoadFailure = { readonly status: 'rejected' | 'failed'; readonly problems: readonly Problem[] };
export type LoadLimits = { readonly memoryLimit: string; readonly threads: number };
type Offered = { readonly dataset: CompiledDataset; readonly manifest: Manifest; readonly manifestUrl: string; readonly promised: boolean };

/** Files at once per load: enough to fill a link, few enough to share it. */
const parallelDownloads = 4;
/** The staged files, the table made of them and what the sort spills: measured between 1.2 and 2.6 times the Parquet bytes. */
const roomFactor = 3;

const failed = (problem: Problem): LoadFailure => ({ status: 'failed', problems: [problem] });

/** Free bytes on the cache volume, or null when it cannot be told. */
export const freeBytes = async (cacheDir: string): Promise<number | null> => {
  try {
    const { bavail, bsize } = await statfs(cacheDir);
    return bavail * bsize;
  } catch {
    return null;
  }
};

const room = async (cacheDir: string, manifest: Manifest): Promise<Problem | null> => {
  const free = await freeBytes(cacheDir);
  const needed = manifest.files.reduce((sum, file) => sum + file.size_bytes, 0) * roomFactor;
  return free !== null && free < needed
    ? {
        code: 'disk_full',
        path: '',
        message: `the load needs about ${needed} bytes on the cache volume, ${free} are free`,
        hint: 'grow the volume or keep fewer snapshots',
      }
    : null;
};

/** Size mismatches and missing or foreign files are the data's fault; everything else is a failed attempt. */
const isDataFault = ({ code }: Problem): boolean => code === 'size_mismatch' || code === 'root_not_allowed';

/** A field of that name in any other form is no promise of ours, and is ignored like every field that we do not know. */
const digestForm = /^[0-9a-f]{64}$/i;

const digestProblems = async (file: string, promised: unknown, at: number): Promise<readonly Problem[]> => {
  if (typeof promised !== 'string' || !digestForm.test(promised)) return [];
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  if (hash.digest('hex') === promised.toLowerCase()) return [];
  const message = 'the bytes of the file are not those that the manifest promises';
  return [{ code: 'corrupt_file', path: `files[${at}].sha256`, message, hint: 'publish the snapshot again under a new id' }];
};

const stageFiles = async (
  { manifest, manifestUrl, promised }: Offered,
  folder: string,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<readonly LoadFile[], LoadFailure>> => {
  await mkdir(join(folder, 'files'), { recursive: true });
  const staged = manifest.files.map((file, at) => ({ ...file, at, target: join(folder, 'files', `${at}.${file.format}`) }));
  const queue = [...staged];
  const problems: Problem[] = [];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && problems.length === 0; next = queue.shift()) {
      const { at, path, target, size_bytes: bytes, sha256 } = next;
      const done = await store.download(resolveFileUrl(manifestUrl, path), target, promised ? bytes : null, signal);
      if (!done.ok)
        problems.push({ ...done.error, path: done.error.code === 'size_mismatch' ? `files[${at}].size_bytes` : `files[${at}].path` });
      else problems.push(...(await digestProblems(target, sha256, at)));
    }
  };
  await Promise.all(Array.from({ length: parallelDownloads }, worker));
  const [problem] = problems;
  if (problem !== undefined) return err({ status: isDataFault(problem) ? 'rejected' : 'failed', problems });
  return ok(
    staged.map(({ target, path, format, row_count: rowCount }) => ({
      path: target,
      name: path.split('/').at(-1) ?? path,
      format,
      rowCount,
    })),
  );
};

const jobOf = ({ dataset, manifest, promised }: Offered, folder: string, files: readonly LoadFile[], limits: LoadLimits): LoadJob => {
  const declared = new Set(dataset.schema.filter((column) => column.type !== 'JSON').map((column) => column.name));
  const sort = [dataset.tenantColumn, ...dataset.filterColumns, ...manifest.sort_columns].filter(
    (name): name is string => name !== null && declared.has(name),
  );
  return {
    folder,
    files,
    schema: dataset.schema,
    modes: dataset.modes,
    sortColumns: [...new Set(sort)].slice(0, 4),
    rowCount: promised ? manifest.row_count : null,
    ...limits,
  };
};

type Place = { readonly cacheDir: string; readonly loadId: string };

const loadInto = async (
  { cacheDir, loadId }: Place,
  offered: Offered,
  store: ObjectStore,
  limits: LoadLimits,
  signal: AbortSignal,
): Promise<Result<LoadRecord, LoadFailure>> => {
  const { dataset, manifest } = offered;
  const folder = folders(cacheDir).load(dataset.name, loadId);
  const files = await stageFiles(offered, folder, store, signal);
  if (!files.ok) return files;
  const answer = await runLoad(jobOf(offered, folder, files.value, limits), signal);
  if (answer.kind !== 'loaded') return err({ status: answer.kind, problems: answer.problems });
  if (!dataset.modes.includes('RemoteScan')) await rm(join(folder, 'files'), { recursive: true, force: true });
  await rm(join(folder, 'spill'), { recursive: true, force: true });
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

/** Loads an offered snapshot into a folder of its own; on any failure nothing of it is left. */
export const materialise = async (
  cacheDir: string,
  offered: Offered,
  store: ObjectStore,
  limits: LoadLimits,
  signal: AbortSignal,
): Promise<Result<LoadRecord, LoadFailure>> => {
  const lack = await room(cacheDir, offered.manifest);
  if (lack !== null) return err(failed(lack));
  const loadId = randomBytes(6).toString('hex');
  const loaded = await loadInto({ cacheDir, loadId }, offered, store, limits, signal).catch((error: unknown) =>
    // A disk that is full shows first in whatever is written next: a folder, the record.
    err(failed(loadProblem(error, '', null))),
  );
  if (!loaded.ok) await rm(folders(cacheDir).load(offered.dataset.name, loadId), { recursive: true, force: true });
  return loaded;
};
