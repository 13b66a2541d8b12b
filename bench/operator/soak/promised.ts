/** What each endpoint may answer now, and whether an answer is among it. */

/** Of one endpoint; a change is allowed beside what was there before it until everybody has it. */
type Allowed = { readonly snapshots: ReadonlySet<string>; readonly versions: ReadonlySet<number> };
export type Body = {
  readonly data?: readonly { readonly visits?: number | string }[];
  readonly meta?: { readonly snapshot_id?: string; readonly version?: number };
};
export type When = { readonly sinceMs: number; readonly sentMs: number; readonly receivedMs: number };
export type Wrong = 'status' | 'snapshot' | 'version' | 'mixed' | 'apart';

/** Replicas answer from different snapshots for at most this long. */
export const apartMs = 2000;

/** A load of these small datasets takes a second, on a busy machine some more. */
const loadMs = 30_000;

export class Promised {
  readonly #allowed = new Map<string, Allowed>();
  /** When the snapshot that is wanted last became another, and since when somebody has answered with it. */
  readonly #changes = new Map<string, { readonly atMs: number; firstMs: number | undefined }>();
  /** From when to when a dataset was last kept from its newest snapshot, by its endpoint. */
  readonly #held = new Map<string, { readonly fromMs: number; toMs: number | undefined }>();
  /** The longest that a replica still answered with another one after that. */
  longestApartMs = 0;

  allowed(endpoint: string): Allowed {
    return this.#allowed.get(endpoint) ?? { snapshots: new Set(), versions: new Set() };
  }

  /** From now on this too. */
  also(endpoint: string, snapshot: string, version: number, nowMs: number): void {
    const { snapshots, versions } = this.allowed(endpoint);
    const others = [...snapshots].filter((one) => one !== snapshot);
    if (others.length > 0) this.#changes.set(endpoint, { atMs: nowMs, firstMs: undefined });
    this.#allowed.set(endpoint, { snapshots: new Set([...others, snapshot]), versions: new Set([...versions, version]) });
  }

  /** Everybody has it: nothing else any more. */
  only(endpoint: string, snapshot: string, version: number): void {
    this.#allowed.set(endpoint, { snapshots: new Set([snapshot]), versions: new Set([version]) });
  }

  hold(endpoint: string, nowMs: number): void {
    if (this.#held.get(endpoint)?.toMs !== undefined || !this.#held.has(endpoint))
      this.#held.set(endpoint, { fromMs: nowMs, toMs: undefined });
  }

  release(endpoint: string, nowMs: number): void {
    const held = this.#held.get(endpoint);
    if (held !== undefined) held.toMs ??= nowMs;
  }

  /**
   * True when a replica that came with an empty volume has nothing to serve: its source offered only what must not be served, and
   * what it offers since then has yet to be loaded.
   */
  isEmpty(endpoint: string, emptySinceMs: number, nowMs: number): boolean {
    const held = this.#held.get(endpoint);
    if (held === undefined || held.fromMs > emptySinceMs) return false;
    return held.toMs === undefined || (emptySinceMs < held.toMs && nowMs < held.toMs + loadMs);
  }

  /** What is wrong with a good answer; what was allowed when it was asked for counts as well. */
  judge(endpoint: string, { data = [], meta }: Body, before: Allowed): Wrong | undefined {
    const now = this.allowed(endpoint);
    const snapshot = meta?.snapshot_id ?? '';
    const version = meta?.version ?? 0;
    if (!before.snapshots.has(snapshot) && !now.snapshots.has(snapshot)) return 'snapshot';
    if (!before.versions.has(version) && !now.versions.has(version)) return 'version';
    // Every row carries the number of its snapshot.
    return data.every(({ visits }) => `s${String(visits)}` === snapshot) ? undefined : 'mixed';
  }

  /**
   * True when one replica still answers with the old one too long after another has answered with the new one. `sinceMs` is when
   * it began to serve: who comes back in between has its own time.
   */
  isApart(endpoint: string, { meta }: Body, { sinceMs, sentMs, receivedMs }: When): boolean {
    const change = this.#changes.get(endpoint);
    if (change === undefined) return false;
    if (meta?.snapshot_id === [...this.allowed(endpoint).snapshots].at(-1)) {
      change.firstMs ??= receivedMs;
      return false;
    }
    if (change.firstMs === undefined || sinceMs > change.atMs) return false;
    this.longestApartMs = Math.max(this.longestApartMs, sentMs - change.firstMs);
    return sentMs - change.firstMs > apartMs;
  }
}
