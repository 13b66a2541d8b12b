/** The first look at raw objects: which parse, which share a name, and in what order they have a say. */
import type { Kind } from '../names.ts';
import { remembering } from '../memo.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { kindOf, parseResource, type Resource } from '../resources/resource.ts';
import { problem } from '../rules/problems.ts';

/** One object of the three kinds: its name, its parsed form when it is sound by itself, its findings. */
export type Seen<R extends Resource = Resource> = {
  readonly kind: Kind;
  readonly name: string;
  readonly raw: Readonly<Record<string, unknown>>;
  readonly resource: R | null;
  readonly problems: readonly Problem[];
  /** Another object of this kind and name stands before it: it has no say and no last good form. */
  readonly isRepeat: boolean;
};

/** How an object is called among all of them. */
export const objectId = (kind: Kind, name: string): string => `${kind}/${name}`;

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' ? (value as Readonly<Record<string, unknown>>) : {};
const textAt = (value: Readonly<Record<string, unknown>>, key: string): string => (typeof value[key] === 'string' ? value[key] : '');
export const specOf = (seen: Seen): Readonly<Record<string, unknown>> => recordOf(seen.raw['spec']);

const age = (seen: Seen): string => textAt(recordOf(seen.raw['metadata']), 'creationTimestamp');
/** Older first; then by name, so that the order never depends on how objects were listed. */
const byAge = (a: Seen, b: Seen): number =>
  age(a) === age(b) ? (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) : age(a) < age(b) ? -1 : 1;

const duplicateCodes = { Dataset: 'duplicate_dataset', Endpoint: 'duplicate_endpoint', ApiKey: 'duplicate_key' } as const satisfies Record<
  Kind,
  ProblemCode
>;

const parsedOf = remembering((raw: object) => parseResource(raw));

/** Every object of our kinds, older first. Of two with one kind and name (possible in files only) the first is kept. */
export const lookAt = (raws: readonly unknown[]): readonly Seen[] => {
  const names = new Set<string>();
  const seen = raws.flatMap((raw): readonly Seen[] => {
    const kind = kindOf(raw);
    if (kind === undefined) return [];
    const name = textAt(recordOf(recordOf(raw)['metadata']), 'name');
    const parsed = parsedOf(raw as object);
    const id = objectId(kind, name);
    const isRepeat = name !== '' && names.has(id);
    names.add(id);
    const repeat = isRepeat
      ? [problem(duplicateCodes[kind], 'metadata.name', `there is another ${kind} ${name}; rename or remove one`)]
      : [];
    const problems = [...repeat, ...(parsed.ok ? [] : parsed.error)];
    return [{ kind, name, raw: recordOf(raw), resource: parsed.ok && !isRepeat ? parsed.value : null, problems, isRepeat }];
  });
  return seen.toSorted(byAge);
};
