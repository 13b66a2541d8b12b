/** Compiles the three kinds into the bundle and brings the cluster to hold it: parts first, the index last. */
import { canonicalJson, compile, encodeBundle, mounted, objectNames, remembering } from '@offloader/contract';
import type { AuthMode, Bundle, BundleIndex, Compiled, CompiledKey, CompileInput, EncodedBundle, Verdict } from '@offloader/contract';
import type { TokenStanding } from '../domain/api-key-status.ts';
import { applyPlan, bundleObjects } from '../domain/apply-plan.ts';
import type { Action } from '../domain/apply-plan.ts';
import { definitionOf } from '../domain/definition.ts';
import type { CustomResource, KubeObject } from '../domain/kube-object.ts';
import type { Observe } from '../domain/observation.ts';
import { objectKey, place, restorePlacement } from '../domain/placement.ts';
import type { Placement } from '../domain/placement.ts';
import { namedSecrets } from '../domain/named-secrets.ts';
import type { PodState } from '../domain/pod-state.ts';
import type { Releases } from '../domain/releases.ts';
import type { Judgement } from '../domain/rollout.ts';
import { CredentialReader } from './credentials.ts';
import { createFit } from './fitting.ts';
import type { Caches, Cluster } from './ports.ts';
import { readStoredBundle, releasesOf } from './stored-bundle.ts';
import type { Tokens } from './tokens.ts';

export type BundleDeps = {
  readonly release: string;
  readonly auth: AuthMode;
  readonly caches: Caches;
  readonly cluster: Cluster;
  /** What is known of the tokens of these keys. */
  readonly tokens: (keys: readonly CustomResource[]) => Tokens;
  readonly observe: Observe;
  readonly monotonicMs: () => number;
  readonly random: () => number;
  readonly pods: () => readonly PodState[];
  /** The highest sequence that any gateway reports; a lost index must not start over below it. */
  readonly reportedSequence: () => number;
  /** After every turn. */
  readonly updated: (before: BundleState | undefined, after: BundleState) => void;
};

export type BundleState = {
  readonly bundle: Bundle;
  readonly index: BundleIndex;
  readonly placement: Placement;
  readonly judgements: ReadonlyMap<string, Judgement>;
  readonly tokens: ReadonlyMap<string, TokenStanding>;
  /** False after a restart, until this process has written the index itself. */
  readonly writtenHere: boolean;
};

/** What no watch shows is looked at again this often. */
const resyncMs = 30_000;

/** The controller of the one bundle of a release. */
export class BundleController {
  readonly #deps: BundleDeps;
  #state: BundleState | undefined;
  #lastGood: Bundle | null = null;
  #placement: Placement = new Map();
  #index: BundleIndex | null = null;
  #releases: Releases = {};
  readonly #fit = createFit();
  readonly #hashes = remembering((bundle: Bundle) => new Map(bundle.keys.map((key) => [key.id, key.hashes])));

  readonly #credentials: CredentialReader;

  constructor(deps: BundleDeps) {
    this.#deps = deps;
    this.#credentials = new CredentialReader(deps);
  }

  get state(): BundleState | undefined {
    return this.#state;
  }

  get releases(): Releases {
    return this.#releases;
  }

  /** The hashes that the gateways have for a key now. */
  served(key: string): CompiledKey['hashes'] {
    return (this.#lastGood === null ? undefined : this.#hashes(this.#lastGood).get(key)) ?? [];
  }

  /** Takes over new releases; they go out with the next turn. */
  release(releases: Releases): void {
    this.#releases = releases;
  }

  /** Reads back what the cluster holds. Caches must be filled. */
  restore(): void {
    const { caches, release, observe } = this.#deps;
    const stored = readStoredBundle(caches, release);
    this.#index = stored.index;
    this.#lastGood = stored.bundle;
    this.#releases = releasesOf(stored.bundle);
    if (stored.bundle === null || stored.index === null) {
      observe({ kind: 'nothing_restored', why: stored.why });
      return;
    }
    this.#placement = restorePlacement(stored.bundle, stored.index.sequence);
    observe({ kind: 'restored', revision: stored.bundle.revision, sequence: stored.index.sequence });
  }

  /** One turn: gather, compile, write what differs. */
  async reconcile(): Promise<number> {
    const { cluster, release, observe, monotonicMs } = this.#deps;
    const startedMs = monotonicMs();
    const { objects, tokens, input } = this.#gather();
    const wanted = compile(input);
    const generations = new Map(
      objects.flatMap(({ kind, metadata }) => (kind === 'Dataset' ? [[metadata.name, metadata.generation ?? 0]] : [])),
    );
    const named = namedSecrets({ datasets: wanted.bundle.datasets, generations, pods: this.#deps.pods() });
    const [{ credentials, againInMs }, gateways] = await Promise.all([this.#credentials.gather(named), cluster.gatewaySet()]);
    const owner = gateways?.owner ?? null;
    const compiled = await this.#fit({ input, compiled: wanted, credentials });
    const encoded = this.#numbered(encodeBundle(compiled.bundle, credentials, this.#index?.sequence ?? 0));
    const isNew = encoded.index.sequence !== this.#index?.sequence;
    const writes = await this.#write(applyPlan(bundleObjects({ release, encoded, owner }), this.#seen(), release), isNew);
    this.#placement = place(compiled.bundle, encoded.index.sequence, this.#placement);
    this.#index = encoded.index;
    this.#lastGood = compiled.bundle;
    const before = this.#state;
    this.#state = {
      bundle: compiled.bundle,
      index: encoded.index,
      placement: this.#placement,
      judgements: judgementsOf(objects, compiled),
      tokens: tokens.standing,
      writtenHere: isNew || before?.writtenHere === true,
    };
    if (writes > 0) {
      observe({
        kind: 'bundle_written',
        revision: encoded.index.revision,
        sequence: encoded.index.sequence,
        writes,
        tookMs: monotonicMs() - startedMs,
      });
    }
    this.#deps.updated(before, this.#state);
    return Math.min(resyncMs, againInMs);
  }

  #gather(): { readonly objects: readonly CustomResource[]; readonly tokens: Tokens; readonly input: CompileInput } {
    const { caches, auth } = this.#deps;
    // An object on its way out no longer counts, whatever finalizer still holds it: a deleted key must not work.
    const living = (resources: readonly CustomResource[]) => resources.filter((object) => object.metadata.deletionTimestamp === undefined);
    const keys = living(caches.resources.ApiKey.list());
    const objects = [...living(caches.resources.Dataset.list()), ...living(caches.resources.Endpoint.list()), ...keys];
    const tokens = this.#deps.tokens(keys);
    const resources = objects.map(definitionOf);
    return { objects, tokens, input: { auth, resources, tokens: tokens.hashes, releases: this.#releases, lastGood: this.#lastGood } };
  }

  /** Keeps the sequence while the content is the same, else the next one. */
  #numbered(encoded: EncodedBundle): EncodedBundle {
    const current = this.#index;
    const same = current !== null && canonicalJson({ ...current, sequence: 0 }) === canonicalJson({ ...encoded.index, sequence: 0 });
    const sequence = same ? current.sequence : Math.max(current?.sequence ?? 0, this.#deps.reportedSequence()) + 1;
    return { ...encoded, index: { ...encoded.index, sequence } };
  }

  #seen() {
    return { configMaps: this.#deps.caches.configMaps.list(), secrets: this.#deps.caches.secrets.list() };
  }

  async #write(actions: readonly Action[], isNew: boolean): Promise<number> {
    const { caches, cluster, release } = this.#deps;
    const indexName = objectNames(release).index;
    for (const action of actions) {
      if (action.kind === 'delete') {
        await cluster.remove(action.ownedKind, action.name);
        continue;
      }
      const { desired, seen } = action;
      // The index is written only over the version that was read: a second writer would be noticed here.
      const over = desired.name === indexName ? seen?.metadata.resourceVersion : undefined;
      const written = await cluster.apply(desired, over);
      if (desired.kind === 'Secret') caches.secrets.put(written);
      else caches.configMaps.put(written);
      if (!isNew && action.bytesDiffer) this.#corrected(desired.kind, written, seen);
    }
    return actions.length;
  }

  /** Somebody changed or deleted what is ours; it is back, and they can read who did it. */
  #corrected(kind: 'ConfigMap' | 'Secret', written: CustomResource, seen: KubeObject | undefined): void {
    this.#deps.observe({ kind: 'drift_corrected', object: `${kind}/${written.metadata.name}` });
    const subject = { apiVersion: 'v1', kind, metadata: written.metadata };
    const what = seen === undefined ? 'Deleted' : `Changed by ${seen.changedBy ?? 'an unnamed field manager'}`;
    const message = `${what} and restored; the file ${mounted.index} of the release says what belongs here.`;
    void this.#deps.cluster.emit({ subject, type: 'Warning', reason: 'DriftCorrected', message });
  }
}

const judgementsOf = (objects: readonly CustomResource[], compiled: Compiled): ReadonlyMap<string, Judgement> => {
  const editions = new Map(objects.map((object) => [objectKey(object.kind as Verdict['kind'], object.metadata.name), object.metadata]));
  return new Map(
    compiled.verdicts.map((verdict) => {
      const key = objectKey(verdict.kind, verdict.name);
      const edition = editions.get(key);
      return [key, { verdict, uid: edition?.uid ?? '', generation: edition?.generation ?? 0 }];
    }),
  );
};
