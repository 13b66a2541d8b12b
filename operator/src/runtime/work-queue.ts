/** Work by key: each key runs at most once at a time, repeats collapse, failures come back later and later. */
import { retryDelayMs } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';

export type Work = (key: string) => Promise<number | undefined>;

export type WorkQueueOptions = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly concurrency: number;
  readonly retry: Backoff;
  /** Does the work of one key; a number asks for another turn after that many milliseconds; a throw asks for a retry. */
  readonly work: Work;
  readonly failed: (key: string, error: unknown, retryInMs: number) => void;
};

type Delayed = { readonly dueMs: number; readonly cancel: () => void };

/** A queue of keys with per-key deduplication and rate-limited retry. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #ready = new Set<string>();
  readonly #running = new Map<string, number>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  #stopped = false;
  #idle: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Asks for a turn, at once or after a delay; of several requests the earliest counts. */
  add(key: string, delayMs = 0): void {
    if (this.#stopped || this.#ready.has(key)) return;
    if (delayMs > 0) {
      this.#delay(key, delayMs);
      return;
    }
    this.#forgetDelay(key);
    if (this.#running.has(key)) this.#again.add(key);
    else this.#ready.add(key);
    this.#pump();
  }

  /** Keys waiting for a turn now. */
  get depth(): number {
    return this.#ready.size + this.#again.size;
  }

  /** How long the longest running turn has taken so far; 0 when nothing runs. */
  get longestRunningMs(): number {
    const started = [...this.#running.values()];
    return started.length === 0 ? 0 : this.#options.clock.monotonicMs() - Math.min(...started);
  }

  /** Takes no more work and resolves when what runs has ended. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#ready.clear();
    this.#again.clear();
    for (const delayed of this.#delayed.values()) delayed.cancel();
    this.#delayed.clear();
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #delay(key: string, delayMs: number): void {
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined && earlier.dueMs <= dueMs) return;
    earlier?.cancel();
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, cancel });
  }

  #forgetDelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  #pump(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= this.#options.concurrency) return;
      this.#ready.delete(key);
      this.#running.set(key, this.#options.clock.monotonicMs());
      void this.#turn(key);
    }
  }

  async #turn(key: string): Promise<void> {
    try {
      // The work starts in a turn of its own, so that a synchronous throw is a failure like any other.
      const againInMs = await Promise.resolve(key).then(this.#options.work);
      this.#failures.delete(key);
      if (againInMs !== undefined) this.add(key, Math.max(againInMs, 1));
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      const retryInMs = retryDelayMs(this.#options.retry, failures, this.#options.random(), error);
      this.#options.failed(key, error, retryInMs);
      this.add(key, retryInMs);
    }
    this.#running.delete(key);
    if (this.#again.delete(key)) this.add(key);
    if (this.#running.size === 0) this.#idle?.();
    this.#pump();
  }
}
