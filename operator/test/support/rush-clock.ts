/** The real time, which can be made to run faster: ten minutes of waiting in a few seconds, with real connections in them. */
import type { Clock } from '../../src/runtime/clock.ts';

type Waiting = { readonly dueMs: number; readonly callback: () => void; timer: NodeJS.Timeout | undefined };

export class RushClock implements Clock {
  #speed = 1;
  #sinceMs = performance.now();
  #beforeMs = 0;
  readonly #startedMs = Date.now();
  readonly #waiting = new Set<Waiting>();

  monotonicMs(): number {
    return this.#beforeMs + (performance.now() - this.#sinceMs) * this.#speed;
  }

  nowMs(): number {
    return this.#startedMs + this.monotonicMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    const waiting: Waiting = { dueMs: this.monotonicMs() + delayMs, callback, timer: undefined };
    this.#waiting.add(waiting);
    this.#arm(waiting);
    return () => {
      clearTimeout(waiting.timer);
      this.#waiting.delete(waiting);
    };
  }

  /** How many times faster than the real time it runs from now on, also for what waits already. */
  set speed(speed: number) {
    this.#beforeMs = this.monotonicMs();
    this.#sinceMs = performance.now();
    this.#speed = speed;
    for (const waiting of this.#waiting) this.#arm(waiting);
  }

  #arm(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    const inMs = Math.max(0, waiting.dueMs - this.monotonicMs()) / this.#speed;
    waiting.timer = setTimeout(() => {
      this.#waiting.delete(waiting);
      waiting.callback();
    }, inMs);
  }
}
