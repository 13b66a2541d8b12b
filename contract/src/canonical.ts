/** One spelling of a value: JSON with sorted keys, so that equal content has equal bytes and one digest. */
import { createHash } from 'node:crypto';
import { remembering } from './memo.ts';

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value as Record<string, unknown>).filter(([, held]) => held !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, held]) => [key, sorted(held)]));
};

/** JSON with keys in code-unit order and undefined members left out. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sorted(value));

/** The same of a value that nobody changes, spelled once. */
export const canonicalOf = remembering((value: object) => canonicalJson(value));

/** SHA-256 in lower-case hex. */
export const sha256Hex = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The digest of a value's canonical form. */
export const digestOf = (value: unknown): string => sha256Hex(canonicalJson(value));
