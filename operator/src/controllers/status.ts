/** Writes the status of one object: gather, build, and one apply only when something in it differs. */
import { apiVersion, canonicalJson } from '@offloader/contract';
import type { CompiledDataset, CompiledEndpoint, CompiledKey, Kind } from '@offloader/contract';
import { apiKeyStatus } from '../domain/api-key-status.ts';
import { datasetStatus } from '../domain/dataset-status.ts';
import { endpointStatus } from '../domain/endpoint-status.ts';
import { eventsOf } from '../domain/events.ts';
import type { CustomResource } from '../domain/kube-object.ts';
import type { Observe } from '../domain/observation.ts';
import type { PodState } from '../domain/pod-state.ts';
import type { Stated, StatusFacts } from '../domain/status-facts.ts';
import type { BundleState } from './bundle.ts';
import type { Cache, Cluster } from './ports.ts';

export type StatusDeps = {
  readonly resources: Readonly<Record<Kind, Cache<CustomResource>>>;
  readonly cluster: Cluster;
  readonly observe: Observe;
  readonly nowMs: () => number;
  readonly bundle: () => BundleState | undefined;
  readonly pods: () => readonly PodState[];
};

/** Compiled objects by name, made once per bundle. */
type Lookup = {
  readonly state: BundleState;
  readonly datasets: ReadonlyMap<string, CompiledDataset>;
  readonly endpoints: ReadonlyMap<string, CompiledEndpoint>;
  readonly keys: ReadonlyMap<string, CompiledKey>;
};

/** The controller of every object's status; one key per object, `Kind/name`. */
export class StatusController {
  readonly #deps: StatusDeps;
  #lookup: Lookup | undefined;

  constructor(deps: StatusDeps) {
    this.#deps = deps;
  }

  /** One turn; a number when the status will change by itself. */
  async reconcile(key: string): Promise<number | undefined> {
    const { resources, cluster, observe } = this.#deps;
    const [kind, name] = key.split('/') as [Kind, string];
    const object = resources[kind].get(name);
    const facts = object === undefined ? undefined : this.#gather(key, object);
    if (object === undefined || facts === undefined) return undefined;
    // Its token is being minted: what came of that is soon known.
    if (kind === 'ApiKey' && this.#deps.bundle()?.tokens.get(name)?.kind === 'minting') return undefined;
    const { status, againInMs } = this.#build(kind, facts);
    if (canonicalJson(object.status ?? null) === canonicalJson(status)) return againInMs;
    const written = await cluster.applyStatus(kind, object.metadata, status);
    if (written === 'gone') return undefined;
    resources[kind].put(written);
    observe({ kind: 'status_written', object: key, resource: kind });
    const notes = eventsOf({ apiVersion, kind, metadata: object.metadata }, object.status ?? {}, status);
    for (const note of notes) await cluster.emit(note);
    return againInMs;
  }

  /** undefined while the compiler has not seen this edition of the object: its turn comes when it has. */
  #gather(key: string, object: CustomResource): StatusFacts | undefined {
    const state = this.#deps.bundle();
    const judgement = state?.judgements.get(key);
    if (state === undefined || judgement === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
    if (judgement.uid !== object.metadata.uid || judgement.generation !== object.metadata.generation) return undefined;
    const nowMs = this.#deps.nowMs();
    return {
      object,
      verdict: judgement.verdict,
      place: state.placement.get(key),
      pods: this.#deps.pods(),
      // Whole seconds: the API server keeps no more of a condition's time.
      now: new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      nowMs,
    };
  }

  #build(kind: Kind, facts: StatusFacts): Stated<object> {
    const { name } = facts.object.metadata;
    const { datasets, endpoints, keys, state } = this.#look();
    switch (kind) {
      case 'Dataset':
        return { status: datasetStatus(facts, datasets.get(name)), againInMs: undefined };
      case 'Endpoint':
        return { status: endpointStatus(facts, endpoints.get(name)), againInMs: undefined };
      case 'ApiKey':
        return apiKeyStatus(facts, keys.get(name), state.tokens.get(name) ?? null);
    }
  }

  #look(): Lookup {
    const state = this.#deps.bundle();
    if (state === undefined) throw new Error('a status was asked for before there was a bundle');
    if (this.#lookup?.state !== state) {
      this.#lookup = {
        state,
        datasets: new Map(state.bundle.datasets.map((dataset) => [dataset.name, dataset])),
        endpoints: new Map(state.bundle.endpoints.map((endpoint) => [endpoint.object, endpoint])),
        keys: new Map(state.bundle.keys.map((compiled) => [compiled.id, compiled])),
      };
    }
    return this.#lookup;
  }
}
