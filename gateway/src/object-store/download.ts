/** Downloads a file in as many requests as it takes: each goes on where the one before broke off, or the file is given up. */
import { type FileHandle, open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { err, ok, type Problem, type Result } from '@offloader/contract';
import { retryPauseMs } from '../domain/schedule.ts';
import type { Downloaded, ObjectStore } from '../snapshots/object-store.ts';
import { storeProblem } from './problems.ts';
import type { Opened, Patience, Place, Wanted } from './place.ts';
import { within } from './within.ts';

/** Connections that break may do so for as long as they bring something. */
const worthMentioningBytes = 1024 * 1024;

export const sizeMismatch = (expected: number, found: number): Problem => ({
  code: 'size_mismatch',
  path: '',
  message: `the file has ${found} bytes, the manifest says ${expected}`,
});
const changed: Problem = {
  code: 'file_changed',
  path: '',
  message: 'the file was overwritten while it was read',
  hint: 'give the files of every snapshot names of their own, and write the manifest last',
};
const broken = (bytes: number): Problem => ({
  code: 'source_unreachable',
  path: '',
  message: `the connection broke after ${bytes} bytes, and again when it was resumed`,
});

/** Whether the next request may go better; a refusal is not asked again. */
const mayPass = ({ code }: Problem): boolean => code === 'source_unreachable' || code === 'source_failed';

const writeAll = async (handle: FileHandle, chunk: Buffer, position: number): Promise<void> => {
  for (let done = 0; done < chunk.length;) done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
};

class DiskFault extends Error {}

/** What a file has come to: bytes on disk, and the version that they are of. */
type Progress = { bytes: number; version: string | null; size: number | null };
type Target = { readonly handle: FileHandle; readonly expectedBytes: number | null; readonly silenceMs: number };

/** Writes a body to where it belongs. Throws when the connection or the disk breaks; `have` tells how far it came. */
const writeBody = async (body: Readable, have: Progress, { handle, expectedBytes, silenceMs }: Target): Promise<void> => {
  const silent = setTimeout(() => body.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })), silenceMs);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      silent.refresh();
      await writeAll(handle, chunk, have.bytes).catch((cause: unknown) => {
        throw new DiskFault('the disk', { cause });
      });
      have.bytes += chunk.length;
      // A file that never ends must not fill the disk: one byte too many is enough to know.
      if (expectedBytes !== null && have.bytes > expectedBytes) return;
    }
  } finally {
    clearTimeout(silent);
  }
};

const diskProblem = ({ cause }: DiskFault): Problem =>
  ['ENOSPC', 'EDQUOT'].includes(String((cause as { code?: unknown }).code))
    ? { code: 'disk_full', path: '', message: 'the cache volume is full' }
    : { code: 'cache_unusable', path: '', message: 'the cache volume cannot be written' };

/** Takes what was opened into the file; null when this ends it well. */
const take = async (opened: Opened, have: Progress, target: Target, signal: AbortSignal): Promise<Problem | null> => {
  const { body, start, size, version } = opened;
  const { expectedBytes } = target;
  addAbortSignal(signal, body);
  // Whatever goes wrong with a body that is not read to its end has been told already.
  body.on('error', () => undefined);
  try {
    if (have.version !== null && version !== have.version) return changed;
    if (expectedBytes !== null && size !== null && size !== expectedBytes) return sizeMismatch(expectedBytes, size);
    have.bytes = start;
    have.version = version;
    have.size = size;
    await writeBody(body, have, target);
    const whole = expectedBytes ?? size ?? have.bytes;
    if (expectedBytes !== null && have.bytes > expectedBytes) return sizeMismatch(expectedBytes, have.bytes);
    if (have.bytes === whole) return null;
    // The place said where it ends, or the connection did, which then is not to be trusted.
    return expectedBytes !== null && size === null ? sizeMismatch(expectedBytes, have.bytes) : broken(have.bytes);
  } catch (error) {
    return error instanceof DiskFault ? diskProblem(error) : broken(have.bytes);
  } finally {
    body.destroy();
  }
};

const wantedOf = ({ bytes, version, size }: Progress): Wanted =>
  // Bytes of a version that has no name cannot be added to, and an end that was wrong is not to be kept.
  version === null || bytes === 0 || bytes === size ? { kind: 'all' } : { kind: 'rest', from: bytes, of: version };

const fill = async (
  place: Place,
  url: string,
  target: Target,
  patience: Patience,
  signal: AbortSignal,
): Promise<Result<Downloaded, Problem>> => {
  const have: Progress = { bytes: 0, version: null, size: null };
  let furthest = 0;
  for (let attempt = 1; ; attempt += 1) {
    const opened = await within(patience.answerMs, signal, async (bounded) => place.open(url, wantedOf(have), bounded));
    const problem = !opened.ok ? opened.error : opened.value.kind === 'opened' ? await take(opened.value, have, target, signal) : changed;
    if (problem === null) {
      await target.handle.truncate(have.bytes);
      return ok({ bytes: have.bytes, version: have.version });
    }
    if (!mayPass(problem) || signal.aborted) return err(problem);
    if (have.bytes - furthest >= worthMentioningBytes) attempt = 0;
    furthest = Math.max(furthest, have.bytes);
    if (attempt >= patience.attempts) return err(problem);
    await pause(retryPauseMs(patience.pauseMs, attempt, Math.random()), undefined, { signal }).catch(() => undefined);
  }
};

export const downloadingFrom =
  (place: Place, patience: Patience): ObjectStore['download'] =>
  async (url, toFile, expectedBytes, signal) => {
    let handle: FileHandle;
    try {
      handle = await open(toFile, 'wx', 0o640);
    } catch (cause) {
      return err(diskProblem(new DiskFault('the disk', { cause })));
    }
    try {
      return await fill(place, url, { handle, expectedBytes, silenceMs: patience.silenceMs }, patience, signal);
    } catch (error) {
      return err(storeProblem(error));
    } finally {
      await handle.close();
    }
  };

/** Asks for the last byte of the version that was downloaded: the cheapest question that every place understands. */
export const confirmingFrom =
  (place: Place, { answerMs }: Patience): ObjectStore['confirm'] =>
  async (url, { bytes, version }, signal) => {
    if (version === null || bytes === 0) return ok(null);
    const opened = await within(answerMs, signal, async (bounded) =>
      place.open(url, { kind: 'rest', from: bytes - 1, of: version }, bounded),
    );
    if (!opened.ok) return opened;
    if (opened.value.kind === 'unchanged') return ok(null);
    opened.value.body.on('error', () => undefined).destroy();
    return opened.value.version === version ? ok(null) : err(changed);
  };
