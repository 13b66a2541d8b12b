/** What an adapter offers: one request at a time. Reading, downloading and waiting are built on it, the same for every place. */
import type { Readable } from 'node:stream';
import type { Problem, Result } from '@offloader/contract';
import type { ListedObject } from '../snapshots/object-store.ts';

/** Which bytes of an object are asked for, and of which version. */
export type Wanted =
  | { readonly kind: 'all' }
  /** All of it, unless it still is this version. */
  | { readonly kind: 'newer'; readonly than: string }
  /** From this byte on, provided that it still is this version. */
  | { readonly kind: 'rest'; readonly from: number; readonly of: string };

export type Opened = {
  readonly kind: 'opened';
  readonly body: Readable;
  /** The byte at which the body starts: 0 also where the place does not give parts. */
  readonly start: number;
  /** Bytes of the whole object, null where the place does not say. */
  readonly size: number | null;
  readonly version: string | null;
};

export interface Place {
  /** Resolves when the place has answered; the body comes afterwards. A version that is not there any more is a file_changed. */
  open(url: string, wanted: Wanted, signal: AbortSignal): Promise<Result<Opened | { readonly kind: 'unchanged' }, Problem>>;
  /** Every object whose name starts with the prefix, all pages. */
  list(prefix: string, signal: AbortSignal): Promise<Result<readonly ListedObject[], Problem>>;
}

/** How long a place may take, and how often it is asked again. */
export type Patience = {
  /** For a manifest, a page of a listing, or the beginning of an answer. */
  readonly answerMs: number;
  /** Without one byte of a body. */
  readonly silenceMs: number;
  /** Requests for one file that bring nothing worth mentioning. */
  readonly attempts: number;
  /** The pause after the first of them; each further one doubles it. */
  readonly pauseMs: number;
};
export const patience: Patience = { answerMs: 30_000, silenceMs: 30_000, attempts: 6, pauseMs: 250 };

/** The sizes and the start that an answer's headers tell. */
export const extentOf = (contentLength: number | null, contentRange: string | null): Pick<Opened, 'start' | 'size'> => {
  const [, start, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? '') ?? [];
  return start === undefined || size === undefined ? { start: 0, size: contentLength } : { start: Number(start), size: Number(size) };
};
