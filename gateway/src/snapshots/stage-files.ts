/** Brings a snapshot's files onto the cache volume: all of them as they were at one moment, or none. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { err, type ManifestFile, ok, type Problem, resolveFileUrl, type Result, type SoundFields } from '@offloader/contract';
import pLimit from 'p-limit';
import type { Offered } from './fetched.ts';
import type { LoadFailure, LoadFile } from './load-job.ts';
import { loadProblem } from './load-problems.ts';
import type { ObjectStore } from './object-store.ts';

/** Files at once per dataset: enough to fill a link, few enough to share it. */
const parallelDownloads = 4;

type Staged = ManifestFile & { readonly url: string; readonly at: number; readonly target: string; readonly expectedBytes: number | null };

/** Size mismatches and foreign files are the data's fault; everything else is a failed attempt. */
const isDataFault = ({ code }: Problem): boolean => code === 'size_mismatch' || code === 'root_not_allowed';
const fieldOf = ({ code }: Problem): string => (code === 'size_mismatch' ? 'size_bytes' : code === 'corrupt_file' ? 'sha256' : 'path');
const placed = (problem: Problem, at: number): Problem => ({
  ...problem,
  path: `files[${at}].${fieldOf(problem)}`,
});

/** A field of that name in any other form is no promise of ours, and is ignored like every field that we do not know. */
const digestForm = /^[0-9a-f]{64}$/i;

/** Holds what was downloaded to the digest that the manifest may promise. */
const checkDigest = async ({ target, sha256 }: Staged): Promise<Problem | null> => {
  if (typeof sha256 !== 'string' || !digestForm.test(sha256)) return null;
  const hash = createHash('sha256');
  await pipeline(createReadStream(target), hash);
  if (hash.digest('hex') === sha256.toLowerCase()) return null;
  const message = 'the bytes of the file are not those that the manifest promises';
  return { code: 'corrupt_file', path: '', message, hint: 'publish the snapshot again under a new id' };
};

type Probed = { readonly manifest: Pick<SoundFields, 'files'> } & Pick<Offered, 'manifestUrl' | 'promised'>;

/** What can be told without asking another machine, of every file. */
const probeFiles = async ({ manifest, manifestUrl, promised }: Probed, store: ObjectStore): Promise<readonly Problem[]> => {
  const limit = pLimit(parallelDownloads);
  const found = await limit.map(manifest.files, async (file, at) => {
    const bytes = promised ? (file?.size_bytes ?? null) : null;
    const problem = file === null ? null : await store.probe(resolveFileUrl(manifestUrl, file.path), bytes);
    return problem === null ? [] : [placed(problem, at)];
  });
  return found.flat();
};

/** Adds to the findings of a manifest what its files show from here: the producer learns it all at once. */
export const alsoProbed = async (
  problems: readonly Problem[],
  { manifest, ...from }: Probed,
  store: ObjectStore,
): Promise<readonly Problem[]> => {
  // A file that may not be read is not looked at.
  const files = manifest.files.map((file, at) => (problems.some(({ path }) => path === `files[${at}].path`) ? null : file));
  return [...problems, ...(await probeFiles({ manifest: { files }, ...from }, store))];
};

const givenUp: Problem = { code: 'source_failed', path: '', message: 'the load was given up: the dataset has been edited' };

/** Does one thing with every file, several at once; the first that fails ends the others. */
const forEachFile = async <F extends Pick<Staged, 'at'>, T>(
  files: readonly F[],
  outer: AbortSignal,
  work: (file: F, signal: AbortSignal) => Promise<Result<T, Problem>>,
): Promise<Result<readonly T[], Problem>> => {
  const failure = new AbortController();
  const signal = AbortSignal.any([outer, failure.signal]);
  const limit = pLimit(parallelDownloads);
  let first: Problem | undefined;
  const results = await limit.map(files, async (file) => {
    if (signal.aborted) return undefined;
    // All are waited for, also after one that broke: nothing is written into a folder that is gone.
    const done = await work(file, signal).catch((error: unknown) => err(loadProblem(error, '', null)));
    if (done.ok) return done.value;
    first ??= placed(done.error, file.at);
    failure.abort();
    return undefined;
  });
  if (outer.aborted) return err(givenUp);
  return first === undefined ? ok(results.filter((one): one is Awaited<T> & T => one !== undefined)) : err(first);
};

/** Downloads the files of an offered snapshot into `folder`. */
export const stageFiles = async (
  { manifest, manifestUrl, promised }: Pick<Offered, 'manifest' | 'manifestUrl' | 'promised'>,
  folder: string,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<Result<readonly LoadFile[], LoadFailure>> => {
  const files = manifest.files.map((file, at): Staged => ({
    ...file,
    at,
    url: resolveFileUrl(manifestUrl, file.path),
    // Not named by the manifest: no name in it can lead out of the folder.
    target: join(folder, 'files', `${at}.${file.format}`),
    expectedBytes: promised ? file.size_bytes : null,
  }));
  const faults = await probeFiles({ manifest, manifestUrl, promised }, store);
  if (faults.length > 0) return err({ status: 'rejected', problems: faults });
  await mkdir(join(folder, 'files'), { recursive: true });
  const failed = (problem: Problem): LoadFailure => ({ status: isDataFault(problem) ? 'rejected' : 'failed', problems: [problem] });
  const downloads = await forEachFile(files, signal, async (file, ending) => {
    const done = await store.download(file.url, file.target, file.expectedBytes, ending);
    if (!done.ok) return done;
    const fault = await checkDigest(file);
    return fault === null ? ok({ at: file.at, url: file.url, downloaded: done.value }) : err(fault);
  });
  if (!downloads.ok) return err(failed(downloads.error));
  // Each version lay there from its download until it is confirmed. All downloads were over before the first confirmation,
  // so there was a moment at which all of them lay there together: never one file of one snapshot and one of the next.
  const confirmed = await forEachFile(files.length > 1 ? downloads.value : [], signal, async ({ url, downloaded }, ending) =>
    store.confirm(url, downloaded, ending),
  );
  if (!confirmed.ok) return err(failed(confirmed.error));
  return ok(
    files.map(({ target, path, url, format, row_count: rowCount }) => ({
      path: target,
      name: path.split('/').at(-1) ?? path,
      format,
      rowCount,
      isLocal: /^file:/i.test(url),
    })),
  );
};
