/** Bytes on their way to a reader, in pieces so small that a slow one is told from one that stands still. */
import type { Watchdog } from './watchdog.ts';

/** Takes bytes at its own pace, or until the signal aborts; false: no more are wanted. */
export type ByteSink = { write(bytes: Uint8Array, signal: AbortSignal): Promise<boolean> };

/** One second of the slowest reader. */
const pieceBytes = 64 * 1024;

/** False when the reader wants no more, or was too slow. */
export const sendOn = async (sink: ByteSink, bytes: Uint8Array, watchdog: Watchdog): Promise<boolean> => {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    if (!(await watchdog.reading(piece.length, async () => sink.write(piece, watchdog.signal)))) return false;
  }
  return true;
};
