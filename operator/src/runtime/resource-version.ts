/** Order among versions of one object. */

/** All that the runtime knows of an object. */
export type Versioned = { readonly metadata: { readonly name: string; readonly resourceVersion?: string } };

/** True when `a` was written after `b`. Versions that are not numbers cannot be ordered: then anything counts as newer. */
export const isNewer = (a: string | undefined, b: string | undefined): boolean => {
  if (a === undefined || b === undefined) return true;
  if (!/^[0-9]+$/.test(a) || !/^[0-9]+$/.test(b)) return a !== b;
  return BigInt(a) > BigInt(b);
};
