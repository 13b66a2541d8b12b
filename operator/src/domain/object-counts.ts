/** How many objects of each kind are Ready, are not, and why, as their statuses say. */
import { kinds } from '@offloader/contract';
import type { Condition, Kind } from '@offloader/contract';
import { findCondition } from './conditions.ts';
import type { CustomResource } from './kube-object.ts';
import { knownReason } from './reasons.ts';

export type ObjectCount = {
  readonly kind: Kind;
  readonly ready: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly count: number;
};

/** Counts by kind, Ready and reason; one without a status yet is `Unknown` and `None`. */
export const countObjects = (listed: (kind: Kind) => readonly CustomResource[]): readonly ObjectCount[] =>
  (Object.keys(kinds) as Kind[]).flatMap((kind) =>
    [...Map.groupBy(listed(kind).map(standing), ({ ready, reason }) => `${ready} ${reason}`).values()].flatMap((alike) => {
      const [first] = alike;
      return first === undefined ? [] : [{ kind, ...first, count: alike.length }];
    }),
  );

const standing = ({ status }: CustomResource): Pick<ObjectCount, 'ready' | 'reason'> => {
  const { conditions } = (status ?? {}) as { readonly conditions?: readonly Condition[] };
  const found = findCondition(conditions, 'Ready');
  if (found === undefined) return { ready: 'Unknown', reason: 'None' };
  return { ready: found.status, reason: knownReason(found.reason) };
};
