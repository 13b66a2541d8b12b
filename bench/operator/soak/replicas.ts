/** The gateways of a soak: pods that really run what the image runs, those among them that may be asked, and what they answer. */
import { setTimeout as pause } from 'node:timers/promises';
import { imageCommand } from '../../gateway/boot.ts';
import type { ApiClient, GatewayPod } from '../part-types.ts';
import { GatewayPods } from '../parts.ts';
import type { Body } from './promised.ts';

export type Reply = { readonly status: number; readonly body: Body };
export type Place = { readonly client: ApiClient; readonly namespace: string };

/** Small enough to be full soon, so that a run sees a steady state. */
const environment = {
  NODE_ENV: 'production',
  MALLOC_ARENA_MAX: '2',
  OFFLOADER_CACHE_MAX_ENTRIES: '500',
  // Five of the copies that rebuilds set aside.
  OFFLOADER_QUARANTINE_MAX_BYTES: String(4 * 2 ** 20),
  OFFLOADER_DUCKDB_MEMORY_LIMIT: '256MiB',
  OFFLOADER_LOAD_MEMORY_LIMIT: '256MiB',
};
const lookMs = 200;
/** What has not come about by then never will: a slow replica is waited for a minute, an operator replaced in less. */
const effectMs = 180_000;

export class Replicas {
  readonly all: GatewayPod[] = [];
  /** Those that a Service would send requests to: not on their way up or down. */
  readonly #serving = new Set<GatewayPod>();
  readonly #sinceMs = new Map<GatewayPod, number>();
  readonly #emptySinceMs = new Map<GatewayPod, number>();
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Those that may be asked. */
  get serving(): readonly GatewayPod[] {
    return [...this.#serving];
  }

  isServing(pod: GatewayPod): boolean {
    return this.#serving.has(pod);
  }

  /** When it was last let in. */
  sinceMs(pod: GatewayPod): number {
    return this.#sinceMs.get(pod) ?? 0;
  }

  /** When it was last given an empty volume. */
  emptySinceMs(pod: GatewayPod): number {
    return this.#emptySinceMs.get(pod) ?? 0;
  }

  /** One more; it may be asked as soon as it is ready. */
  async add(): Promise<void> {
    const pod = await GatewayPods.add({ ...this.#place, gateways: this.all }, { command: await imageCommand(), environment, lookMs });
    this.#emptySinceMs.set(pod, performance.now());
    await this.#comeBack(pod);
  }

  /** The last one is scaled away. */
  async takeLast(): Promise<void> {
    const pod = this.all.at(-1)!;
    await this.#leave(pod);
    await this.#deletePod(pod);
    await pod.stop();
    this.all.pop();
  }

  /** Its container ends and comes back, with its volume. */
  async restart(pod: GatewayPod, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#leave(pod);
    await pod.restart(signal);
    await this.#comeBack(pod);
  }

  /** Its Pod is taken away, and another comes with an empty volume. */
  async replace(pod: GatewayPod): Promise<void> {
    await this.#leave(pod);
    await this.#deletePod(pod);
    await pod.appear();
    this.#emptySinceMs.set(pod, performance.now());
    await this.#comeBack(pod);
  }

  async stop(): Promise<void> {
    for (const pod of this.all) await pod.stop();
  }

  /** Waits until all that may be asked answer as wanted. */
  async answer(path: string, token: string, wanted: (reply: Reply, pod: GatewayPod) => boolean): Promise<void> {
    await this.each(async (pod) => wanted(await pod.answer(path, token), pod));
  }

  /** Waits until a condition holds for all that may be asked. */
  async each(holds: (pod: GatewayPod) => Promise<boolean>): Promise<void> {
    await until(async () => {
      const found = await Promise.all(this.serving.map(async (pod) => holds(pod).catch(() => !this.isServing(pod))));
      return found.every((one) => one);
    });
  }

  /** Requests that are under way get their answers. */
  async #leave(pod: GatewayPod): Promise<void> {
    this.#serving.delete(pod);
    await pause(1000);
  }

  async #comeBack(pod: GatewayPod): Promise<void> {
    await until(async () => (await fetch(`${pod.adminUrl}/ready`).catch(() => undefined))?.status === 200, 15 * 60_000);
    this.#sinceMs.set(pod, performance.now());
    this.#serving.add(pod);
  }

  async #deletePod({ name }: GatewayPod): Promise<void> {
    await this.#place.client.request({ method: 'DELETE', path: `/api/v1/namespaces/${this.#place.namespace}/pods/${name}` });
  }
}

/** Waits for a condition, without haste: nothing is timed by it. */
export const until = async (condition: () => boolean | Promise<boolean>, withinMs = effectMs): Promise<void> => {
  const deadlineMs = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`has not come about within ${withinMs / 1000} s`);
    await pause(lookMs);
  }
};
