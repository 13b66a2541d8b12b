/** When each replica begins to answer from a snapshot, seen by clients that never stop asking. */
import { call, type Pod } from './gateways.ts';
import { pause } from './until.ts';

export type Switches = {
  /** Milliseconds since the watch began, by pod. */
  readonly atMs: ReadonlyMap<string, number>;
  /** Between the first replica's answer from it and the last one's. */
  readonly apartMs: number;
  /** Answers other than 200. */
  readonly failures: readonly string[];
};

export type Watched = {
  readonly pods: readonly Pod[];
  readonly path: string;
  readonly token: string;
  readonly snapshot: string;
  readonly withinMs?: number;
};

/** Ends when every replica answers from the snapshot; a replica that goes back to another one is a failure too. */
export const watchSwitches = async ({ pods, path, token, snapshot, withinMs = 60_000 }: Watched): Promise<Switches> => {
  const from = performance.now();
  const atMs = new Map<string, number>();
  const failures: string[] = [];
  const watch = async ({ name, url }: Pod): Promise<void> => {
    while (atMs.size < pods.length) {
      if (performance.now() - from > withinMs)
        throw new Error(`${snapshot} is served by ${[...atMs.keys()].join(', ') || 'nobody'} after ${withinMs} ms`);
      const answer = await call(url, path, token);
      if (answer.status !== 200) failures.push(`${name}: ${String(answer.status)} ${answer.family ?? ''}`);
      else if (answer.snapshot === snapshot) atMs.set(name, atMs.get(name) ?? Math.round(performance.now() - from));
      else if (atMs.has(name)) failures.push(`${name} went back to ${answer.snapshot ?? 'none'}`);
      await pause(5);
    }
  };
  await Promise.all(pods.map(watch));
  const times = [...atMs.values()];
  return { atMs, apartMs: Math.max(...times) - Math.min(...times), failures };
};
