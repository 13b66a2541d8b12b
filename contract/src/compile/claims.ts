/** Objects that claim what only one may have (an endpoint's name, a token's hash): the older wins, the younger is told. */
import type { Kind } from '../names.ts';
import type { Problem } from '../problem.ts';
import type { Resource } from '../resources/resource.ts';
import type { Seen } from './objects.ts';

export type Verdict = {
  readonly kind: Kind;
  readonly name: string;
  readonly problems: readonly Problem[];
  /** What of it is in the bundle. */
  readonly serving: 'current' | 'last_good' | 'none';
};
export type Judged<T> = { readonly verdict: Verdict; readonly compiled: T | null };

/** One object's verdict: sound ones are compiled, others keep their last good form where there is one. */
export const judge = <T>(seen: Seen, problems: readonly Problem[], current: () => T, last: T | undefined): Judged<T> => {
  const lastGood = seen.isRepeat ? undefined : last;
  const serving = problems.length === 0 ? 'current' : lastGood === undefined ? 'none' : 'last_good';
  const compiled = problems.length === 0 ? current() : (lastGood ?? null);
  return { verdict: { kind: seen.kind, name: seen.name, problems, serving }, compiled };
};

export type Claiming<R extends Resource, T> = {
  readonly last: (one: Seen<R>) => T | undefined;
  readonly check: (resource: R) => readonly Problem[];
  readonly compile: (resource: R) => T;
  /** What a sound object asks for, and what a compiled form holds while it serves. */
  readonly declares: (resource: R) => readonly string[];
  readonly holds: (compiled: T) => readonly string[];
  readonly taken: (holder: string) => Problem;
};

/** Verdicts in the order of `seen`, older first. A last good form serves on only while nobody older serves what it holds. */
export const judgeInOrder = <R extends Resource, T>(seen: readonly Seen<R>[], kind: Claiming<R, T>): readonly Judged<T>[] => {
  const claimed = new Map<string, string>();
  const served = new Set<string>();
  return seen.map((one) => {
    const { resource } = one;
    const declared = resource === null ? [] : kind.declares(resource);
    const holder = declared.map((claim) => claimed.get(claim)).find((name) => name !== undefined);
    for (const claim of declared) if (!claimed.has(claim)) claimed.set(claim, one.name);
    const problems = [
      ...one.problems,
      ...(holder === undefined ? [] : [kind.taken(holder)]),
      ...(resource === null ? [] : kind.check(resource)),
    ];
    const last = kind.last(one);
    const lastAllowed = last === undefined || kind.holds(last).some((claim) => served.has(claim)) ? undefined : last;
    const judged = judge(one, problems, () => kind.compile(resource as R), lastAllowed);
    if (judged.compiled !== null) for (const claim of kind.holds(judged.compiled)) served.add(claim);
    // What an object serves in its last good form is its own as well, whatever it asks for now.
    if (judged.compiled !== null) for (const claim of kind.holds(judged.compiled)) if (!claimed.has(claim)) claimed.set(claim, one.name);
    return judged;
  });
};
