/** Runs one controller's keys: a work queue, its limits, and what is told of every turn. */
import { WorkQueue } from './work-queue.ts';
import type { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';

export type Turn = {
  readonly controller: string;
  readonly key: string;
  readonly tookMs: number;
  readonly error: unknown;
  readonly retryInMs: number | null;
};

export type ReconcilerOptions = {
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly concurrency: number;
  /** Collapses a burst of changes into one turn. */
  readonly settleMs: number;
  readonly retry: Backoff;
  /** Brings one key to its desired state; a number asks to come back after that many milliseconds. */
  readonly reconcile: (key: string) => Promise<number | undefined>;
  readonly ended: (turn: Turn) => void;
};

export interface Reconciler {
  /** With a delay the turn may come that much later, unless something else asks for it sooner. */
  enqueue(key: string, delayMs?: number): void;
  depth(): number;
  longestRunningMs(): number;
  stop(): Promise<void>;
}

/** A running reconciler; nothing happens until a key is enqueued. */
export const createReconciler = (options: ReconcilerOptions): Reconciler => {
  const { clock, name } = options;
  const startedMs = new Map<string, number>();
  const tookMs = (key: string): number => clock.monotonicMs() - (startedMs.get(key) ?? clock.monotonicMs());
  const queue = new WorkQueue({
    clock,
    random: options.random,
    concurrency: options.concurrency,
    retry: options.retry,
    work: async (key) => {
      startedMs.set(key, clock.monotonicMs());
      const againInMs = await options.reconcile(key);
      options.ended({ controller: name, key, tookMs: tookMs(key), error: undefined, retryInMs: null });
      startedMs.delete(key);
      return againInMs;
    },
    failed: (key, error, retryInMs) => {
      options.ended({ controller: name, key, tookMs: tookMs(key), error, retryInMs });
      startedMs.delete(key);
    },
  });
  return {
    enqueue: (key, delayMs = options.settleMs) => {
      queue.add(key, delayMs);
    },
    depth: () => queue.depth,
    longestRunningMs: () => queue.longestRunningMs,
    stop: () => queue.stop(),
  };
};
