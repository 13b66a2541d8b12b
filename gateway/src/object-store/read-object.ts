/** Reads a small object whole: a manifest, a commit marker. */
import type { Readable } from 'node:stream';
import { err, ok, type Problem, type Result } from '@offloader/contract';
import type { ObjectStore, ReadResult } from '../snapshots/object-store.ts';
import type { Patience, Place } from './place.ts';
import { within } from './within.ts';

/** A manifest of a hundred thousand files takes less; what is larger must not fill the memory. */
const mostBytes = 64 * 1024 * 1024;
const tooLarge: Problem = {
  code: 'invalid_value',
  path: '',
  message: `is larger than ${mostBytes} bytes`,
  hint: 'is this the URL of a manifest?',
};

const collect = async (body: Readable, signal: AbortSignal): Promise<Result<Uint8Array, Problem>> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const end = (): void => void body.destroy(signal.reason as Error);
  signal.addEventListener('abort', end, { once: true });
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) return err(tooLarge);
    chunks.push(chunk);
  }
  return ok(Buffer.concat(chunks, bytes));
};

/** One conditional request, and the whole object when it is another than before. */
export const readingFrom =
  (place: Place, { answerMs }: Patience): ObjectStore['read'] =>
  async (url, etag, outer) =>
    within<ReadResult>(answerMs, outer, async (signal) => {
      const opened = await place.open(url, etag === null ? { kind: 'all' } : { kind: 'newer', than: etag }, signal);
      if (!opened.ok) return opened;
      const { value } = opened;
      if (value.kind === 'unchanged') return ok({ kind: 'unchanged' });
      if (etag !== null && value.version === etag) {
        // A place that does not know conditions has sent it all the same.
        value.body.destroy();
        return ok({ kind: 'unchanged' });
      }
      const bytes = await collect(value.body, signal);
      if (!bytes.ok) return bytes;
      const isCut = value.size !== null && bytes.value.length < value.size;
      return isCut
        ? err({ code: 'source_unreachable', path: '', message: 'the connection broke while the object was read' })
        : ok({ kind: 'read', bytes: bytes.value, etag: value.version });
    });
