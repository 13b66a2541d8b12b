/** A document's bytes with their ETag, made once for what they describe: those of thousands of endpoints are megabytes of JSON. */
import { createHash } from 'node:crypto';
import type { Described } from '../domain/serving.ts';

export type KeptDocument = { readonly bytes: Buffer; readonly etag: string };
const isSame = (a: Described, b: Described): boolean => a.revision === b.revision && a.auth === b.auth && a.endpoints === b.endpoints;

/** Keeps the last one that was asked for. */
export const keepDocument = (make: (described: Described) => unknown): ((now: Described) => KeptDocument) => {
  let kept: { readonly of: Described; readonly document: KeptDocument } | null = null;
  return ({ revision, auth, endpoints }) => {
    const now = { revision, auth, endpoints };
    if (kept === null || !isSame(kept.of, now)) {
      const bytes = Buffer.from(JSON.stringify(make(now)));
      const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
      kept = { of: now, document: { bytes, etag } };
    }
    return kept.document;
  };
};
