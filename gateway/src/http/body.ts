/** A body as it comes: a short one goes out whole with its length, a longer one piece by piece at the client's pace. */
import { createReadStream } from 'node:fs';
import type { Response } from 'express';
import { type ByteSink, sendOn } from '../answers/send-on.ts';
import type { Watchdog } from '../answers/watchdog.ts';

/** Up to here a failure can still be answered with its own status. */
const wholeBytes = 256 * 1024;

export type Body = ByteSink & {
  /** Whether bytes or headers have gone out: from then on a failure can only break the connection. */
  isOpen(): boolean;
  /** It grew long, and no more of those may: nothing has gone out. */
  isRefused(): boolean;
  end(): void;
};

/** True when the client has taken what was written; false when it has gone or nobody wants to wait for it any longer. */
const drained = async (response: Response, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    const end = (): void => {
      response.off('drain', end).off('close', end);
      signal.removeEventListener('abort', end);
      resolve(!response.destroyed && !signal.aborted);
    };
    response.once('drain', end).once('close', end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });

/** False as of `drained`. */
const push = async (response: Response, bytes: Uint8Array, signal: AbortSignal): Promise<boolean> =>
  !response.destroyed && (response.write(bytes) || drained(response, signal));

type BodyOptions = {
  readonly headers: Readonly<Record<string, string>>;
  /** Asked once, before the first bytes of a long body go out. */
  readonly mayBeLong: () => Promise<boolean>;
};

export const createBody = (response: Response, { headers, mayBeLong }: BodyOptions): Body => {
  const isHead = response.req.method === 'HEAD';
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let open = false;
  let refused = false;

  const flush = async (signal: AbortSignal): Promise<boolean> => {
    const piece = Buffer.concat(parts);
    parts = [];
    if (response.destroyed) return false;
    if (!open) {
      refused = !isHead && !(await mayBeLong());
      if (refused) return false;
      open = true;
      response.status(200).set(headers);
      // The headers are all that is asked for, the one that Node.js gives to bodies alone among them.
      if (isHead) {
        if (response.useChunkedEncodingByDefault) response.set('Transfer-Encoding', 'chunked');
        response.end();
        return false;
      }
    }
    return push(response, piece, signal);
  };

  return {
    isOpen: () => open,
    isRefused: () => refused,
    write: async (piece, signal) => {
      parts.push(piece);
      bytes += piece.length;
      return bytes <= wholeBytes || flush(signal);
    },
    end: () => {
      if (response.writableEnded) return;
      const piece = Buffer.concat(parts);
      if (!open) response.status(200).set({ ...headers, 'Content-Length': String(piece.length) });
      open = true;
      response.end(piece);
    },
  };
};

type FileOptions = { readonly headers: Readonly<Record<string, string>>; readonly watchdog: Watchdog };

const sendPieces = async (response: Response, path: string, watchdog: Watchdog): Promise<boolean> => {
  const sink: ByteSink = { write: async (bytes, signal) => push(response, bytes, signal) };
  for await (const bytes of createReadStream(path) as AsyncIterable<Uint8Array>) if (!(await sendOn(sink, bytes, watchdog))) return false;
  return true;
};

/** A file as the body of a response that the caller ends, or breaks when it was not sent to its end: false. `headers` say its length. */
export const sendFile = async (response: Response, path: string, { headers, watchdog }: FileOptions): Promise<boolean> => {
  response.status(200).set(headers);
  return response.req.method === 'HEAD' || sendPieces(response, path, watchdog).catch(() => false);
};
