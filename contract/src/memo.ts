/** Remembering what pure functions made of immutable values, so that a turn over thousands of objects pays for the few that changed. */

/** `make`, asked once per value for as long as the value lives. Only for values that nobody changes. */
export const remembering = <K extends WeakKey, V>(make: (key: K) => V): ((key: K) => V) => {
  const made = new WeakMap<K, { readonly value: V }>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known.value;
    const value = make(key);
    made.set(key, { value });
    return value;
  };
};

/** The same for a function of two: the answer stands while the second argument is the `same` as the last time. */
export const rememberingWith = <K extends WeakKey, A, V>(
  make: (key: K, also: A) => V,
  same: (a: A, b: A) => boolean = Object.is,
): ((key: K, also: A) => V) => {
  const made = new WeakMap<K, { readonly also: A; readonly value: V }>();
  return (key, also) => {
    const known = made.get(key);
    if (known !== undefined && same(known.also, also)) return known.value;
    const value = make(key, also);
    made.set(key, { also, value });
    return value;
  };
};

/** Whether two lists hold the same values in the same order. */
export const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((one, n) => Object.is(one, b[n]));
