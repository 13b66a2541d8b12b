/**
 * Replaces cache volumes that people or gateways ask to have replaced. Everything is remembered in one ConfigMap before it is
 * done, so that whichever operator leads next goes on with it and does nothing twice.
 */
import { annotations, canonicalJson, labels, objectNames, parseVolumeRecords } from '@offloader/contract';
import type { VolumeRecord, VolumeRecords, VolumeRequest } from '@offloader/contract';
import { ownLabels } from '../domain/apply-plan.ts';
import type { Claim, Metadata, Pod } from '../domain/kube-object.ts';
import type { Observe } from '../domain/observation.ts';
import type { PodState } from '../domain/pod-state.ts';
import { begun, decideQuarantine, refused } from '../domain/quarantine.ts';
import type { Act, QuarantineFacts, QuarantineRules } from '../domain/quarantine.ts';
import { replicasOf } from '../domain/replica.ts';
import type { Cache, Caches, Cluster, Volumes } from './ports.ts';

export type QuarantineDeps = {
  readonly release: string;
  readonly rules: QuarantineRules;
  readonly pods: Cache<Pod>;
  readonly claims: Cache<Claim>;
  readonly configMaps: Caches['configMaps'];
  readonly cluster: Cluster;
  readonly volumes: Volumes;
  readonly observe: Observe;
  readonly nowMs: () => number;
  readonly states: () => readonly PodState[];
};

/** While something is asked for: a step follows the last one closely. */
const openMs = 1000;
/** Otherwise what changes in pods and claims asks for a turn by itself; failed volumes are looked for this often. */
const restMs = 2000;

/** The controller of all cache volumes of a release; one key. */
export class QuarantineController {
  readonly #deps: QuarantineDeps;

  constructor(deps: QuarantineDeps) {
    this.#deps = deps;
  }

  /** What is asked for and how far it has come. */
  get requests(): readonly VolumeRequest[] {
    return Object.values(this.#stored()).flatMap(({ request }) => request ?? []);
  }

  /** One turn, one step. */
  async reconcile(): Promise<number> {
    const { rules, nowMs, pods, claims, states, release } = this.#deps;
    const { gateway } = objectNames(release);
    const replicas = replicasOf({ gateway, pods: pods.list(), claims: claims.list(), states: states() });
    const tried = new Set<string>();
    for (;;) {
      const facts: QuarantineFacts = { replicas, records: this.#stored(), rules, nowMs: nowMs(), refused: tried };
      const { records, act } = decideQuarantine(facts);
      await this.#remember(facts.records, records);
      if (act === null || (await this.#act(act, { ...facts, records }))) break;
      tried.add(act.replica.pod);
    }
    return this.requests.some(({ phase }) => phase !== 'replaced') ? openMs : restMs;
  }

  #stored(): VolumeRecords {
    return parseVolumeRecords(this.#deps.configMaps.get(objectNames(this.#deps.release).volumes)?.data ?? {});
  }

  /** False when it was refused, which is remembered. */
  async #act(act: Act, facts: QuarantineFacts): Promise<boolean> {
    const { volumes } = this.#deps;
    const { pod, podUid, claim } = act.replica;
    switch (act.kind) {
      case 'begin': {
        // First the volume is kept: nothing has been lost yet when this is refused.
        const kept = await volumes.retain(claim?.volume ?? '', {
          claimUid: claim?.uid ?? '',
          labels: { [labels.quarantinedFrom]: pod },
          annotations: { [annotations.quarantineVolume]: act.token },
        });
        const record = kept.ok ? begun(facts, act) : refused(facts, act, kept.error);
        await this.#remember(facts.records, { ...facts.records, [pod]: record });
        return kept.ok;
      }
      case 'remove_claim':
        await volumes.removeClaim(claim?.name ?? '', claim?.uid ?? '');
        return true;
      case 'evict':
        await volumes.evict(pod, podUid ?? '');
        return true;
    }
  }

  /** Writes what differs, then tells it: an event, a log line and a metric for every change. */
  async #remember(before: VolumeRecords, after: VolumeRecords): Promise<void> {
    if (canonicalJson(before) === canonicalJson(after)) return;
    const { cluster, configMaps, release } = this.#deps;
    const name = objectNames(release).volumes;
    const data = Object.fromEntries(Object.entries(after).map(([pod, record]) => [pod, JSON.stringify(record)]));
    const owner = (await cluster.gatewaySet())?.owner ?? null;
    const over = configMaps.get(name)?.metadata.resourceVersion;
    configMaps.put(await cluster.apply({ kind: 'ConfigMap', name, data, binaryData: {}, labels: ownLabels(release), owner }, over));
    for (const [pod, record] of Object.entries(after)) if (isNews(before[pod], record)) await this.#tell(pod, record.request);
  }

  async #tell(pod: string, request: VolumeRequest | null): Promise<void> {
    if (request === null) return;
    const { phase, cause, token, volume, message } = request;
    this.#deps.observe({ kind: 'volume_quarantine', pod, phase, cause, asked: token, volume, message });
    const metadata: Metadata = this.#deps.pods.get(pod)?.metadata ?? { name: pod };
    const subject = { apiVersion: 'v1', kind: 'Pod', metadata };
    await this.#deps.cluster.emit({
      subject,
      type: phase === 'waiting' || phase === 'refused' ? 'Warning' : 'Normal',
      reason: reasons[phase],
      message,
    });
  }
}

const reasons = {
  waiting: 'VolumeQuarantineWaiting',
  refused: 'VolumeQuarantineRefused',
  replacing: 'VolumeQuarantined',
  replaced: 'VolumeReplaced',
} as const;

const isNews = (before: VolumeRecord | undefined, { request }: VolumeRecord): boolean =>
  before?.request?.phase !== request?.phase || before?.request?.message !== request?.message;
