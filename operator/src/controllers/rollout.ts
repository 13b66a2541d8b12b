/** Follows what every gateway pod serves: asks for reports, nudges those behind, releases snapshots that all have loaded. */
import { annotations } from '@offloader/contract';
import type { Pod } from '../domain/kube-object.ts';
import { dueNudge, nudgeValue } from '../domain/nudges.ts';
import type { Nudge } from '../domain/nudges.ts';
import type { Observe } from '../domain/observation.ts';
import { countedPods, podStates } from '../domain/pod-state.ts';
import type { Heard, PodState } from '../domain/pod-state.ts';
import { decideReleases } from '../domain/releases.ts';
import type { Releases, Waiting } from '../domain/releases.ts';
import { isUnsettled, pollDelayMs, touchedBy } from '../domain/rollout.ts';
import type { BundleState } from './bundle.ts';
import type { Cache, Cluster, ReportReader } from './ports.ts';

export type RolloutDeps = {
  readonly pods: Cache<Pod>;
  readonly reader: ReportReader;
  readonly cluster: Cluster;
  readonly observe: Observe;
  readonly monotonicMs: () => number;
  readonly bundle: () => BundleState | undefined;
  readonly releases: () => Releases;
  readonly released: (releases: Releases) => void;
  /** The objects whose status may have changed. */
  readonly touched: (keys: ReadonlySet<string> | 'all') => void;
};

/** The key of the turn that asks how many gateways there should be; no pod has such a name. */
export const replicasKey = '/replicas';
const nudgePrefix = '/nudge/';
/** The key of the turn that only nudges a pod: what was written must not wait until a thousand datasets have been reported. */
export const nudgeKey = (pod: string): string => `${nudgePrefix}${pod}`;
/** A pod that is missing is named within 15 s. */
const replicasEveryMs = 10_000;

/** The controller of all gateway pods: one key to ask a pod, one to nudge it, and one for their number. */
export class RolloutController {
  readonly #deps: RolloutDeps;
  readonly #heard = new Map<string, Heard>();
  readonly #nudges = new Map<string, Nudge>();
  /** Why a pod did not answer when it was asked last. */
  readonly #silent = new Map<string, string>();
  #expected: readonly string[] = [];
  #states: readonly PodState[] = [];
  #waiting: Waiting = {};
  #unsettledSinceMs: number | null = null;
  #followedSequence = 0;

  constructor(deps: RolloutDeps) {
    this.#deps = deps;
  }

  /** The pods as they are known now. */
  get states(): readonly PodState[] {
    return this.#states;
  }

  get reportedSequence(): number {
    return Math.max(0, ...this.#states.map((pod) => pod.sequence));
  }

  /** Asks every pod once, so that a new leader knows what is served before it says anything about it. */
  async survey(): Promise<void> {
    const count = this.#count().catch(() => undefined);
    await Promise.all([count, ...countedPods(this.#deps.pods.list()).map((pod) => this.#ask(pod))]);
    this.#states = this.#look();
  }

  /** One turn for one key; undefined when it needs no other, as that of a pod that is gone. */
  async reconcile(key: string): Promise<number | undefined> {
    if (key === replicasKey) {
      await this.#count();
      this.#digest();
      return replicasEveryMs;
    }
    if (!key.startsWith(nudgePrefix)) return this.#follow(key);
    await this.#nudge(key.slice(nudgePrefix.length));
    return undefined;
  }

  async #follow(name: string): Promise<number | undefined> {
    const startedMs = this.#deps.monotonicMs();
    const pod = countedPods(this.#deps.pods.list()).find((candidate) => candidate.metadata.name === name);
    if (pod === undefined) {
      this.#heard.delete(name);
      this.#silent.delete(name);
      // It may be one too many now.
      await this.#count();
    } else await this.#ask(pod);
    this.#digest();
    if (pod === undefined) return undefined;
    const nowMs = this.#deps.monotonicMs();
    await this.#nudge(name);
    return pollDelayMs(this.#unsettledSinceMs === null ? null : nowMs - this.#unsettledSinceMs, nowMs - startedMs);
  }

  #look(): readonly PodState[] {
    const { pods, monotonicMs } = this.#deps;
    return podStates({ pods: pods.list(), expected: this.#expected, heard: this.#heard, silent: this.#silent, nowMs: monotonicMs() });
  }

  async #count(): Promise<void> {
    this.#expected = (await this.#deps.cluster.gatewaySet())?.pods ?? [];
  }

  async #ask(pod: Pod): Promise<void> {
    const { name, uid } = pod.metadata;
    const ip = pod.status?.podIP;
    const answer = ip === undefined ? ({ ok: false, error: 'has no address yet' } as const) : await this.#deps.reader.read(ip);
    if (answer.ok) {
      this.#heard.set(name, { uid: uid ?? '', report: answer.value, atMs: this.#deps.monotonicMs() });
      if (this.#silent.delete(name)) this.#deps.observe({ kind: 'pod_reachable', pod: name });
      return;
    }
    if (!this.#silent.has(name)) this.#deps.observe({ kind: 'pod_unreachable', pod: name, why: answer.error });
    this.#silent.set(name, answer.error);
  }

  /** Draws the conclusions from the pods as they are known now. */
  #digest(): void {
    const before = this.#states;
    this.#states = this.#look();
    const state = this.#deps.bundle();
    for (const uid of this.#nudges.keys()) if (!this.#states.some((pod) => pod.uid === uid)) this.#nudges.delete(uid);
    if (state === undefined) return;
    const moving = isUnsettled(state.bundle, state.index.sequence, this.#states);
    // A new write is followed closely even when something else has been stuck for long.
    const fresh = state.index.sequence !== this.#followedSequence;
    this.#followedSequence = state.index.sequence;
    this.#unsettledSinceMs = moving ? ((fresh ? null : this.#unsettledSinceMs) ?? this.#deps.monotonicMs()) : null;
    this.#release(state);
    const touched = touchedBy({ bundle: state.bundle, placement: state.placement, before, after: this.#states });
    if (touched === 'all' || touched.size > 0) this.#deps.touched(touched);
  }

  #release(state: BundleState): void {
    const held = this.#deps.releases();
    const { releases, waiting } = decideReleases({
      datasets: state.bundle.datasets,
      pods: this.#states,
      releases: held,
      waiting: this.#waiting,
      nowMs: this.#deps.monotonicMs(),
    });
    this.#waiting = waiting;
    const changed = Object.entries(releases).filter(([dataset, id]) => held[dataset] !== id);
    for (const [dataset, snapshotId] of changed) this.#deps.observe({ kind: 'snapshot_released', dataset, snapshotId });
    if (changed.length > 0) this.#deps.released(releases);
  }

  async #nudge(name: string): Promise<void> {
    const state = this.#deps.bundle();
    const pod = this.#states.find((candidate) => candidate.name === name);
    if (state === undefined || pod === undefined) return;
    const { sequence } = state.index;
    const due = dueNudge(pod, { sequence, here: state.writtenHere }, this.#nudges.get(pod.uid), this.#deps.monotonicMs());
    if (due === undefined) return;
    this.#nudges.set(pod.uid, due);
    await this.#deps.cluster.annotatePod(name, { [annotations.configRevision]: nudgeValue(state.index.revision, due) });
    this.#deps.observe({ kind: 'nudged', pod: name, sequence, attempt: due.attempt });
  }
}
