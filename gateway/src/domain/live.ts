/** Which endpoints, keys and snapshots answer, from what is configured and what is loaded. Pure. */
import { type AuthMode, type Bundle, type CompiledEndpoint, sameItems } from '@offloader/contract';
import { heldBack } from './refresh.ts';
import type { Live, Serving } from './serving.ts';

export const emptyLive: Live = {
  revision: null,
  auth: 'required',
  endpoints: new Map(),
  keys: new Map(),
  datasets: new Map(),
  servings: new Map(),
  kept: new Map(),
  draining: false,
};

/** While a dataset's new layout is being built, its endpoints of the layout that serves stay, and new ones do not show yet. */
const endpointsOf = (bundle: Bundle, servings: ReadonlyMap<string, Serving>, previous: Live): readonly CompiledEndpoint[] =>
  bundle.datasets.flatMap((dataset) => {
    const configured = bundle.endpoints.filter((endpoint) => endpoint.dataset === dataset.name);
    const serving = servings.get(dataset.name);
    if (serving === undefined || serving.layout === dataset.layout) return configured;
    const old = [...previous.endpoints.values()].filter(
      (endpoint) => endpoint.dataset === dataset.name && endpoint.layout === serving.layout,
    );
    // After a restart there is no old form: the configured one answers not_ready until the new table is there.
    return old.length > 0 ? old : configured;
  });

/** A public gateway never answers a tenant-scoped endpoint: required → none waits until the last of them has gone. */
const authOf = (bundle: Bundle, endpoints: readonly CompiledEndpoint[]): AuthMode =>
  bundle.auth === 'none' && endpoints.some((endpoint) => endpoint.tenantColumn !== null) ? 'required' : bundle.auth;

/** What a cursor may go on with: a blocked snapshot is never served, and a pin lets exactly its own through. */
const reachable = (bundle: Bundle, kept: Live['kept']): Live['kept'] => {
  const held = new Map(bundle.datasets.map((dataset) => [dataset.name, dataset]));
  const isServed = ({ dataset, snapshotId }: Serving): boolean => {
    const configured = held.get(dataset);
    return configured === undefined || heldBack(snapshotId, configured) === null;
  };
  return new Map([...kept].filter(([, serving]) => isServed(serving)));
};

/** By name; the same map for as long as they are the same, so that a swap does not unmake what was made of them. */
const mapped = (endpoints: readonly CompiledEndpoint[], previous: Live['endpoints']): Live['endpoints'] =>
  sameItems([...previous.values()], endpoints) ? previous : new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));

type Loaded = Pick<Live, 'servings' | 'kept'>;

/** The next Live after a configuration was applied or a snapshot swapped. */
export const buildLive = (bundle: Bundle, { servings, kept }: Loaded, previous: Live): Live => {
  const endpoints = endpointsOf(bundle, servings, previous);
  return {
    revision: bundle.revision,
    auth: authOf(bundle, endpoints),
    endpoints: mapped(endpoints, previous.endpoints),
    keys: new Map(bundle.keys.flatMap((key) => key.hashes.map(({ sha256 }) => [sha256, key] as const))),
    datasets: new Map(bundle.datasets.map((dataset) => [dataset.name, dataset])),
    servings,
    kept: reachable(bundle, kept),
    draining: previous.draining,
  };
};
