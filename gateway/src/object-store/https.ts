/** https:// sources: plain conditional GETs; no credentials are ever sent. */
import { Readable } from 'node:stream';
import { err, ok, type Problem, type Result } from '@offloader/contract';
import type { ObjectStore, ReadResult } from '../snapshots/object-store.ts';
import { storeProblem } from './problems.ts';
import { writeStream } from './write-file.ts';

const headersTimeoutMs = 30_000;

/** Redirects are not followed: they could lead out of the roots that the dataset allows. */
const get = async (url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> =>
  fetch(url, { headers, redirect: 'error', signal: AbortSignal.any([signal, AbortSignal.timeout(headersTimeoutMs)]) });

const attempt = async <T>(work: () => Promise<Result<T, Problem>>): Promise<Result<T, Problem>> => {
  try {
    return await work();
  } catch (error) {
    return err(storeProblem(error, ''));
  }
};
const refused = (response: Response): Result<never, Problem> =>
  err(storeProblem({ status: response.status, name: `HTTP ${response.status}` }, ''));

export const httpsStore = (): ObjectStore => ({
  read: async (url, etag, signal) =>
    attempt<ReadResult>(async () => {
      const response = await get(url, etag === null ? {} : { 'if-none-match': etag }, signal);
      if (response.status === 304) return ok({ kind: 'unchanged' });
      if (!response.ok) return refused(response);
      return ok({ kind: 'read', bytes: new Uint8Array(await response.arrayBuffer()), etag: response.headers.get('etag') });
    }),
  download: async (url, toFile, expectedBytes, signal) =>
    attempt(async () => {
      const response = await fetch(url, { redirect: 'error', signal });
      if (!response.ok || response.body === null) return refused(response);
      return writeStream(Readable.fromWeb(response.body), toFile, expectedBytes, signal);
    }),
  list: async () => err({ code: 'source_failed', path: '', message: 'https:// sources cannot be listed' }),
});
