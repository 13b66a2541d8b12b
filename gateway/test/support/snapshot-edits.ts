// Edits of a dataset that has snapshots, and the operator's word about one of them: any at all, and such as aim at what is there.
import fc from 'fast-check';
import type { Model, Spec, Type } from './snapshot-model.ts';

/** `change` may find that it is not possible any more: then it changes nothing. */
export type Edit = {
  readonly name: string;
  readonly isPossible: (model: Model) => boolean;
  readonly change: (model: Model) => Partial<Spec>;
};

export const ids = ['a1', 'a2', 'a3', 'a4'] as const;
export const anyId = fc.constantFrom(...ids);
const token = (at: number): string => `token-${at}`;
const type = fc.constantFrom<Type>('BIGINT', 'INTEGER', 'INTEGER', 'DOUBLE');

const edit = (name: string, isPossible: (spec: Spec) => boolean, change: (spec: Spec) => Partial<Spec>): Edit => ({
  name,
  isPossible: ({ spec }) => isPossible(spec),
  change: ({ spec }) => change(spec),
});

/** An edit for the snapshot that is there in this place, if there is one. */
const aimed = (
  name: string,
  place: (model: Model) => { readonly id: string } | null | undefined,
  isPossible: (spec: Spec, id: string) => boolean,
  change: (spec: Spec, id: string) => Partial<Spec>,
): Edit => {
  const idIn = (model: Model): string | undefined => {
    const id = place(model)?.id;
    return id !== undefined && isPossible(model.spec, id) ? id : undefined;
  };
  return {
    name,
    isPossible: (model) => idIn(model) !== undefined,
    change: (model) => {
      const id = idIn(model);
      return id === undefined ? {} : change(model.spec, id);
    },
  };
};

// What is pinned and blocked at once is refused by the compiler.
const mayBlock = ({ blocked, pin }: Spec, id: string): boolean => !blocked.includes(id) && pin !== id;
const block = ({ blocked }: Spec, id: string): Partial<Spec> => ({ blocked: [...blocked, id] });
const pin = (_spec: Spec, id: string): Partial<Spec> => ({ pin: id });

const active = ({ active }: Model) => active;
const kept = ({ kept }: Model) => kept[0];
const staged = ({ staged }: Model) => staged;
const unpin = edit('unpin', (spec) => spec.pin !== null, () => ({ pin: null })); // prettier-ignore
const release = aimed('the operator releases what waits', staged, (spec, id) => spec.release !== id, (_spec, id) => ({ release: id })); // prettier-ignore
export const blockActive = aimed('block what serves', active, mayBlock, block);
export const pinKept = aimed('pin what is kept', kept, mayBlock, pin);
const pinActive = aimed('pin what serves', active, mayBlock, pin);
const blockStaged = aimed('block what waits', staged, mayBlock, block);
const pinStaged = aimed('pin what waits', staged, mayBlock, pin);

/** What may happen to a snapshot that waits for its activation. */
export const editWhileWaiting: fc.Arbitrary<Edit> = fc.constantFrom(release, pinActive, pinKept, pinStaged, blockStaged, blockActive);

export const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  anyId.map((id) => edit(`block ${id}`, (spec) => mayBlock(spec, id), (spec) => block(spec, id))),
  anyId.map((id) => edit(`unblock ${id}`, ({ blocked }) => blocked.includes(id), ({ blocked }) => ({ blocked: blocked.filter((one) => one !== id) }))),
  anyId.map((id) => edit(`pin ${id}`, (spec) => mayBlock(spec, id), () => ({ pin: id }))),
  fc.constant(edit('unblock all', ({ blocked }) => blocked.length > 0, () => ({ blocked: [] }))),
  fc.constant(unpin),
  fc.constant(unpin),
  fc.constant(blockActive),
  fc.constant(pinKept),
  fc.constant(release),
  fc.constantFrom(0, 1, 2, 2).map((keep) => edit(`keep ${keep}`, (spec) => spec.keep !== keep, () => ({ keep }))),
  fc.nat(99).map((at) => edit(`rebuild ${token(at)}`, ({ rebuild }) => rebuild !== token(at), () => ({ rebuild: token(at) }))),
  fc.nat(99).map((at) => edit(`refresh ${token(at)}`, ({ refresh }) => refresh !== token(at), () => ({ refresh: token(at) }))),
  fc.constant(edit('suspend', ({ suspend }) => !suspend, () => ({ suspend: true }))),
  ...[1, 2].map(() => fc.constant(edit('resume', ({ suspend }) => suspend, () => ({ suspend: false })))),
  fc.constant(edit('activation changed', () => true, ({ coordinated }) => ({ coordinated: !coordinated }))),
  fc.constant(edit('older watermarks allowed or not', () => true, ({ allowOlder }) => ({ allowOlder: !allowOlder }))),
  type.map((is) => edit(`visits declared ${is}`, (spec) => spec.type !== is, () => ({ type: is }))),
  anyId.map((id) => edit(`the operator releases ${id}`, (spec) => spec.release !== id, () => ({ release: id }))),
); // prettier-ignore
