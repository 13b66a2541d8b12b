/** The status of an Endpoint: where it answers and on how many replicas. */
import type { CompiledEndpoint, EndpointStatus } from '@offloader/contract';
import { conditionsOf } from './conditions.ts';
import type { Outcome } from './conditions.ts';
import { gatewaysOf } from './gateways.ts';
import { behindOf, invalid, live, named, rollingOut } from './judgement.ts';
import type { PodState } from './pod-state.ts';
import type { StatusFacts } from './status-facts.ts';

/** Builds the status from the compiler's verdict and the pods' reports. */
export const endpointStatus = (facts: StatusFacts, compiled: CompiledEndpoint | undefined): EndpointStatus => {
  const { object, pods, place, verdict } = facts;
  const before = (object.status ?? {}) as Partial<EndpointStatus>;
  const generation = object.metadata.generation ?? 0;
  const refused = invalid(verdict);
  const behind = refused === undefined ? notServing(facts, compiled) : [];
  const outcome = refused ?? outcomeOf(facts, compiled, behind);
  return {
    observedGeneration: generation,
    conditions: conditionsOf({ outcome, findings: [], generation, previous: before.conditions ?? [], now: facts.now }),
    gateways: gatewaysOf({
      pods,
      serving: refused === undefined ? pods.length - behind.length : 0,
      behind,
      place,
      before: before.gateways,
    }),
    ...(compiled === undefined ? {} : { path: `/v1/endpoints/${compiled.name}` }),
  };
};

const notServing = (facts: StatusFacts, compiled: CompiledEndpoint | undefined): readonly string[] => {
  const waiting = new Set(behindOf(facts));
  return facts.pods.filter((pod) => waiting.has(pod.name) || compiled === undefined || !hasData(pod, compiled)).map((pod) => pod.name);
};

/** True when the pod serves a snapshot of the layout that the endpoint was compiled against. */
const hasData = (pod: PodState, compiled: CompiledEndpoint): boolean => {
  const row = pod.rows.get(compiled.dataset);
  if (row === undefined || row.active_snapshot === null) return false;
  return row.layout === null || row.layout === compiled.layout;
};

const outcomeOf = (facts: StatusFacts, compiled: CompiledEndpoint | undefined, behind: readonly string[]): Outcome => {
  const { pods } = facts;
  const rollout = rollingOut(pods, behindOf(facts));
  if (rollout !== undefined) return rollout;
  if (compiled === undefined) return { kind: 'waiting', reason: 'Compiling', message: 'Not part of the configuration yet.' };
  if (behind.length === 0) return live(pods);
  const empty = pods.some((pod) => behind.includes(pod.name) && pod.rows.get(compiled.dataset)?.active_snapshot == null);
  return empty
    ? {
        kind: 'waiting',
        reason: 'DatasetNotReady',
        message: `Dataset ${compiled.dataset} has no snapshot on ${named(behind)}; its status says why.`,
      }
    : {
        kind: 'waiting',
        reason: 'CutoverPending',
        message: `Dataset ${compiled.dataset} still serves its previous schema on ${named(behind)}.`,
      };
};
