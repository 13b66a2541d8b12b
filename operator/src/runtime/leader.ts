/**
 * Leader election on one lease. The leader renews it; who sees it unrenewed for its whole duration, by the own clock, takes
 * it over. A leader that could not renew in time is none any more and says so once: its process must end.
 */
import { sleep } from './clock.ts';
import type { Clock } from './clock.ts';

export type LeaseRecord = {
  /** '' when released. */
  readonly holder: string;
  readonly durationMs: number;
  readonly acquiredAtMs: number;
  readonly renewedAtMs: number;
  readonly transitions: number;
};
export type StoredLease = LeaseRecord & { readonly version: string };

export interface LeaseStore {
  read(): Promise<StoredLease | undefined>;
  /** Writes only over the version read before (undefined: only when there is none). */
  write(record: LeaseRecord, over: string | undefined): Promise<StoredLease | 'conflict'>;
}

export type LeaderOptions = {
  readonly store: LeaseStore;
  readonly identity: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly durationMs: number;
  /** A leader that has not renewed for this long stops being one; shorter than the duration. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
  readonly elected: () => void;
  readonly lost: () => void;
  readonly failed: (error: unknown) => void;
};

/** One candidate. */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #stop = new AbortController();
  #held: StoredLease | undefined;
  #renewedMs = 0;
  #heardMs = Number.NEGATIVE_INFINITY;
  #seen: { readonly version: string; readonly sinceMs: number } | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  /** True while the lease is surely ours; ask before every write. */
  get leads(): boolean {
    return this.#held !== undefined && this.#options.clock.monotonicMs() - this.#renewedMs < this.#options.renewDeadlineMs;
  }

  /** Time since the lease could be read last, by a leader or by one that stands by. */
  get silentMs(): number {
    return this.#options.clock.monotonicMs() - this.#heardMs;
  }

  start(): void {
    this.#ended = this.#run();
  }

  /** Stops and gives the lease back, so that the next leader need not wait for it to run out. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    if (!this.leads || this.#held === undefined) return;
    const { version, ...record } = this.#held;
    this.#held = undefined;
    await this.#options.store
      .write({ ...record, holder: '', durationMs: 1000, renewedAtMs: this.#options.clock.nowMs() }, version)
      .catch(this.#options.failed);
  }

  async #run(): Promise<void> {
    const { clock, random, retryMs } = this.#options;
    while (!this.#stopped()) {
      const led = this.#held !== undefined;
      await this.#attempt().catch(this.#options.failed);
      if (this.#stopped()) return;
      if (led && !this.leads) {
        this.#held = undefined;
        this.#options.lost();
        return;
      }
      if (!led && this.leads) this.#options.elected();
      await sleep(clock, retryMs * (0.8 + 0.4 * random()), this.#stop.signal);
    }
  }

  #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #attempt(): Promise<void> {
    const { clock, identity, store } = this.#options;
    const attemptedMs = clock.monotonicMs();
    const current = await store.read();
    this.#heardMs = clock.monotonicMs();
    if (current !== undefined && current.holder !== identity && !this.#isFree(current)) {
      this.#held = undefined;
      return;
    }
    const written = await store.write(this.#renewal(current), current?.version);
    if (written === 'conflict') return;
    // The renewal counts from before it was asked for: the answer may have come late.
    this.#renewedMs = attemptedMs;
    this.#held = written;
  }

  #renewal(current: StoredLease | undefined): LeaseRecord {
    const nowMs = this.#options.clock.nowMs();
    const base = { holder: this.#options.identity, durationMs: this.#options.durationMs, renewedAtMs: nowMs };
    if (current === undefined) return { ...base, acquiredAtMs: nowMs, transitions: 0 };
    if (current.holder === this.#options.identity) return { ...base, acquiredAtMs: current.acquiredAtMs, transitions: current.transitions };
    return { ...base, acquiredAtMs: nowMs, transitions: current.transitions + 1 };
  }

  /** Free when released, or when it has not changed for its duration since this process first saw it so. */
  #isFree(current: StoredLease): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (current.holder === '') return true;
    if (this.#seen?.version !== current.version) this.#seen = { version: current.version, sinceMs: nowMs };
    return nowMs - this.#seen.sinceMs > current.durationMs;
  }
}
