/** The `gateways` field that all three kinds carry: how many replicas serve this generation, and which do not. */
import type { EndpointStatus } from '@offloader/contract';
import type { Place } from './placement.ts';
import type { PodState } from './pod-state.ts';

export type GatewaysStatus = NonNullable<EndpointStatus['gateways']>;
export type GatewayFacts = {
  readonly pods: readonly PodState[];
  /** Pods that serve this generation. */
  readonly serving: number;
  /** Pods that should and do not. */
  readonly behind: readonly string[];
  readonly place: Place | undefined;
  /** What status said so far. */
  readonly before: GatewaysStatus | undefined;
};

/** More names than this would make the status of every object grow with the fleet. */
const maxNamed = 20;

/** The first names of many. */
export const firstNames = (pods: readonly string[]): string[] => pods.slice(0, maxNamed);

/** Counts for status and for the column. */
export const gatewaysOf = ({ pods, serving, behind, place, before }: GatewayFacts): GatewaysStatus => {
  const revision = revisionOf(place, before);
  return {
    ready: serving,
    total: pods.length,
    ...(revision === undefined ? {} : { revision }),
    behind: firstNames(behind),
    summary: `${String(serving)}/${String(pods.length)}`,
  };
};

/** The revision with which the present form went in; after a restart what status remembers of it. */
const revisionOf = (place: Place | undefined, before: GatewaysStatus | undefined): string | undefined =>
  place?.restored === true ? (before?.revision ?? place.revision) : place?.revision;
