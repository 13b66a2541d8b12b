/** Whether an edit of a Dataset has come to rest on every replica, as the Dataset's status tells. Pure. */
import type { Dataset, DatasetStatus } from '@offloader/contract';

export type Progress =
  | { readonly kind: 'done'; readonly line: string }
  | { readonly kind: 'refused'; readonly line: string }
  | { readonly kind: 'waiting'; readonly line: string };

/** What must hold, besides that every replica has this generation: of the snapshot that serves, and of tokens handled. */
export type Wanted = {
  readonly snapshot?: { readonly is: string } | { readonly isNot: string };
  readonly refresh?: string;
  readonly rebuild?: string;
};

/** Done, refused, or what is still missing. */
export const progressOf = (dataset: Dataset, wanted: Wanted): Progress => {
  const { status } = dataset;
  const { name, generation = 0 } = dataset.metadata;
  if (status === undefined || status.observedGeneration < generation) return waiting('the operator has not seen the edit yet');
  const stalled = status.conditions?.find(({ type, status: is }) => type === 'Stalled' && is === 'True');
  if (stalled !== undefined) return { kind: 'refused', line: `${name}: ${stalled.reason}: ${stalled.message}` };
  const { gateways } = status;
  if (gateways === undefined || gateways.total === 0) return waiting('no gateway reports');
  const summary = `${gateways.ready} of ${gateways.total} gateways`;
  if (gateways.ready < gateways.total) return waiting(`${summary}${behind(gateways.behind)}`);
  const active = status.activeSnapshot?.id;
  const lacking = lackingOf(status, active, wanted);
  return lacking === undefined
    ? { kind: 'done', line: `${name}: ${summary} serve snapshot ${active ?? 'none'}` }
    : waiting(`${summary}, but ${lacking}`);
};

const lackingOf = (status: DatasetStatus, active: string | undefined, wanted: Wanted): string | undefined => {
  if (!servesWanted(active, wanted)) return `snapshot ${active ?? 'none'} is active`;
  if (wanted.refresh !== undefined && status.handledRefresh !== wanted.refresh)
    return `not refreshed yet: ${pendingOn(status.pending?.refresh)}`;
  if (wanted.rebuild !== undefined && status.handledRebuild !== wanted.rebuild)
    return `not rebuilt yet: ${pendingOn(status.pending?.rebuild)}`;
  return undefined;
};

/** Until the operator has seen the token there are no names. */
const pendingOn = (pods: readonly string[] | undefined): string => pods?.join(', ') ?? 'any of them';

const servesWanted = (active: string | undefined, { snapshot }: Wanted): boolean => {
  if (snapshot === undefined) return true;
  return 'is' in snapshot ? active === snapshot.is : active !== undefined && active !== snapshot.isNot;
};

const behind = (pods: readonly string[] | undefined): string =>
  pods === undefined || pods.length === 0 ? '' : `, behind: ${pods.join(', ')}`;
const waiting = (line: string): Progress => ({ kind: 'waiting', line });
