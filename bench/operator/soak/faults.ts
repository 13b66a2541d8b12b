/** What goes wrong during a soak, one thing after the other, each until all is well again. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ApiRelay } from '../part-types.ts';
import type { Operators } from './operators.ts';
import { type Random, weighted } from './random.ts';
import { type Replicas, until } from './replicas.ts';

export type FaultsOn = { readonly operators: Operators; readonly replicas: Replicas; readonly relay: ApiRelay };
export type Fault = 'restart' | 'crash' | 'replace' | 'standby' | 'cut' | 'away' | 'expire' | 'failOver' | 'scaleUp' | 'scaleDown';

/** Shorter than a leader may be without a renewal: who has lost the lease ends, and one operator is to live on. */
const awayMs = 5000;

/** Longer than a watcher waits before it tries again. */
const againMs = 20_000;

/**
 * Leaders end during the warm-up only: who leads after that is the one whose memory is watched to the end. The third replica is
 * there in the third quarter, which no median is taken of.
 */
export const nextFault = (done: number, replicas: number, random: Random): Fault => {
  if (done < 0.17) return random() < 0.7 ? 'failOver' : 'restart';
  if (replicas === 2 && done > 0.5 && done < 0.7) return 'scaleUp';
  if (replicas === 3 && done > 0.7) return 'scaleDown';
  const choices = [
    { fault: 'restart', weight: 2 },
    { fault: 'crash', weight: 2 },
    { fault: 'replace', weight: 1 },
    { fault: 'standby', weight: 2 },
    { fault: 'cut', weight: 3 },
    { fault: 'away', weight: 2 },
    { fault: 'expire', weight: 3 },
  ] as const;
  return weighted(choices, random).fault;
};

export class Faults {
  readonly #on: FaultsOn;
  /** What lists have found because of a fault. */
  foundOnPurpose = 0;
  #turn = 0;

  constructor(on: FaultsOn) {
    this.#on = on;
  }

  /** Changes that only a full list of the leader has shown, since it has run. */
  async found(): Promise<number> {
    return this.#on.operators.leader.metric('offloader_operator_watch_lost_events_total');
  }

  async make(fault: Fault): Promise<void> {
    this.#turn += 1;
    const { operators, replicas, relay } = this.#on;
    const signal = this.#turn % 2 === 0 ? 'SIGTERM' : 'SIGKILL';
    // The first one lives as long as the run.
    const second = replicas.all[1]!;
    const acts: Readonly<Record<Fault, () => Promise<void>>> = {
      restart: async () => replicas.restart(second, 'SIGTERM'),
      crash: async () => replicas.restart(second, 'SIGKILL'),
      replace: async () => replicas.replace(second),
      standby: async () => operators.replaceStandby(signal),
      failOver: async () => operators.failOver(signal),
      scaleUp: async () => replicas.add(),
      scaleDown: async () => replicas.takeLast(),
      cut: async () => this.#losing(async () => this.#away(relay, 0)),
      away: async () => this.#losing(async () => this.#away(relay, awayMs)),
      expire: async () => this.#losing(async () => this.#expire(relay)),
    };
    await acts[fault]();
  }

  async #away(relay: ApiRelay, ms: number): Promise<void> {
    relay.goAway();
    await pause(ms);
    relay.comeBack();
  }

  /** Every watch that begins within a watch's length is told that its version is no longer known. */
  async #expire(relay: ApiRelay): Promise<void> {
    const leader = this.#on.operators.leader;
    const ends = async (): Promise<number> => leader.metric('offloader_operator_watch_ends_total{watcher="datasets",end="expired"');
    const before = await ends();
    relay.expires = ({ isWatch }) => isWatch;
    // Those that are open end by this.
    relay.goAway();
    relay.comeBack();
    await until(async () => (await ends()) > before).finally(() => {
      relay.expires = () => false;
    });
  }

  /** What lists find until the watches are there again is found on purpose. */
  async #losing(act: () => Promise<void>): Promise<void> {
    const before = await this.found();
    await act();
    await pause(againMs);
    this.foundOnPurpose += (await this.found()) - before;
  }
}
