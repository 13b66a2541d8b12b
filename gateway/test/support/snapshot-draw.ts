// How often what happens to a dataset's snapshots: states that take several things to reach are aimed at.
import fc from 'fast-check';
import { anyEdit, anyId, blockActive, editWhileWaiting, pinKept } from './snapshot-edits.ts';
import {
  type AtRest,
  editing,
  giveBack,
  pause,
  type Publish,
  publish,
  refresh,
  removeLive,
  reopen,
  reopenWhileLoading,
  type Restart,
  spoilLive,
  type Step,
  takeAway,
  whileLoading,
  type Which,
} from './snapshot-commands.ts';
import type { Defect, Force } from './snapshot-model.ts';

const mostly = fc.constantFrom(true, true, true, false);
const rarely = mostly.map((is) => !is);
const times = <T>(count: number, one: fc.Arbitrary<T>): readonly fc.Arbitrary<T>[] => Array.from({ length: count }, () => one);

const published = (some: { readonly [Field in keyof Publish]?: fc.Arbitrary<Publish[Field]> }): fc.Arbitrary<Step> =>
  fc.record({ id: anyId, isOlder: rarely, defect: fc.constant(null), isPolled: mostly, ...some }).map(publish);
const loadable = published({ isPolled: fc.constant(false) });
const defect = fc.constantFrom<Defect>('unreadable', 'failed quality', 'wrong row count', 'missing file', 'corrupt file');

const isMounted = fc.boolean();
const atRest = fc.constantFrom<AtRest>('the index', 'active', 'active', 'kept', 'both');
const restartEdit = fc.oneof(fc.constant(blockActive), fc.constant(blockActive), fc.constant(pinKept), anyEdit);
const how = fc.constantFrom('cut' as const, 'spoilt' as const, 'gone' as const);
const restarted = (some: { readonly [Field in keyof Restart]?: fc.Arbitrary<Restart[Field]> }): fc.Arbitrary<Restart> =>
  fc.record({ lost: fc.constant('nothing' as const), how: fc.constant('gone' as const), isMounted, edit: fc.constant(null), ...some });
const which = fc.constantFrom<Which>('active', 'active', 'kept');

export const steps: readonly fc.Arbitrary<Step>[] = [
  ...times(5, published({})),
  published({ defect }),
  fc.constant(refresh('no')),
  fc.constant(refresh('refresh')),
  ...times(8, anyEdit.map(editing)),
  // Possible only while something waits.
  ...times(2, editWhileWaiting.map(editing)),
  ...times(2, fc.tuple(loadable, fc.constantFrom<Force>('no', 'no', 'refresh'), anyEdit).map((all) => whileLoading(...all))),
  // The first of them is when an operator is heard of at all: what was published before has gone live at once, and is kept.
  ...times(2, fc.record({ ms: fc.constantFrom(0, 0, 61_000, 121_000, 181_000), isHeard: mostly }).map(pause)),
  fc.constantFrom('gone' as const, 'broken' as const).map(takeAway),
  ...times(2, fc.constant(giveBack)),
  which.map(spoilLive),
  which.map(removeLive),
  restarted({}).map(reopen),
  restarted({ lost: atRest, how }).map(reopen),
  ...times(2, restarted({ edit: restartEdit }).map(reopen)),
  fc.tuple(loadable, restarted({})).map((all) => reopenWhileLoading(...all)),
]; // prettier-ignore
