/** Which copies leave the quarantine. Pure. */
export type Aside = { readonly name: string; readonly bytes: number; readonly atMs: number };
export type QuarantineBounds = { readonly maxBytes: number; readonly maxAgeMs: number };
type Gone = { readonly name: string; readonly reason: 'age' | 'bytes' };

/** What is too old goes, then the oldest of what is too much. */
export const goneFromQuarantine = (aside: readonly Aside[], { maxBytes, maxAgeMs }: QuarantineBounds, nowMs: number): readonly Gone[] => {
  let bytes = 0;
  return aside
    .toSorted((a, b) => b.atMs - a.atMs)
    .flatMap((one): readonly Gone[] => {
      if (nowMs - one.atMs > maxAgeMs) return [{ name: one.name, reason: 'age' }];
      bytes += one.bytes;
      return bytes > maxBytes ? [{ name: one.name, reason: 'bytes' }] : [];
    });
};
