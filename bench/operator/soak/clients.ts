/** Clients that ask every gateway the whole time, and hold each answer against what is promised. */
import { setTimeout as pause } from 'node:timers/promises';
import type { GatewayPod } from '../part-types.ts';
import type { Tokens } from './deeds.ts';
import { apartMs, type Body, type Promised, type Wrong } from './promised.ts';
import type { Random } from './random.ts';
import type { Replicas } from './replicas.ts';

export type ClientsOn = {
  readonly replicas: Replicas;
  readonly promised: Promised;
  readonly tokens: Tokens;
  /** Endpoints that there are. */
  readonly endpoints: () => readonly string[];
  /** Told of everything that should not have been. */
  readonly complain: (what: string) => void;
};
type Question = { readonly path: string; readonly token: string; readonly expected: readonly number[]; readonly endpoint?: string };

const everyMs = 250;
const formats = ['.csv', '.ndjson', '.arrow', '.parquet'];
const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)]!;

const nameIn = (path: string): string => /^\/v1\/endpoints\/([a-z0-9_]+)/.exec(path)?.[1] ?? '';

export class Clients {
  readonly #on: ClientsOn;
  readonly #random: Random;
  #isOver = false;
  requests = 0;
  /** Requests that a gateway took along when it was ended. */
  lost = 0;
  readonly wrong: Record<Wrong | 'connection', number> = { status: 0, snapshot: 0, version: 0, mixed: 0, apart: 0, connection: 0 };

  constructor(on: ClientsOn, random: Random) {
    this.#on = on;
    this.#random = random;
  }

  /** Asks, each gateway a few times a second, until `stop`. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      await Promise.all(this.#on.replicas.serving.map(async (pod) => this.#ask(pod, this.#question())));
      await pause(everyMs);
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  /** Mostly what serves, in JSON; also other formats, names that there are not, and tokens that are none. */
  #question(): Question {
    const { tokens, endpoints } = this.#on;
    const random = this.#random;
    const endpoint = pick(endpoints(), random);
    const path = `/v1/endpoints/${endpoint}`;
    const minted = [...tokens.minted.values()];
    const kind = random();
    const question = { path, token: tokens.steady, expected: [200] };
    if (kind < 0.7)
      return { ...question, path: `${path}?from=2026-01-${String(1 + Math.floor(random() * 28)).padStart(2, '0')}`, endpoint };
    if (kind < 0.76) return { ...question, path: path + pick(formats, random) };
    if (kind < 0.8) return { ...question, path: `${path}?from=yesterday`, expected: [422] };
    if (kind < 0.84) return { ...question, path: `/v1/endpoints/unknown_${Math.floor(random() * 1e6)}`, expected: [404] };
    if (kind < 0.88) return { ...question, token: `nobodys-${random()}`, expected: [401] };
    const one = minted.length === 0 ? undefined : pick(minted, random);
    return one === undefined ? { ...question, endpoint } : { path, token: one.token, expected: [one.stands === 'good' ? 200 : 401] };
  }

  async #ask(pod: GatewayPod, question: Question): Promise<void> {
    const { promised, replicas, complain } = this.#on;
    const { path, token, expected, endpoint } = question;
    const before = promised.allowed(endpoint ?? '');
    const sentMs = performance.now();
    const wasEmpty = promised.isEmpty(nameIn(path), replicas.emptySinceMs(pod), sentMs);
    this.requests += 1;
    try {
      const answer = await fetch(`${pod.apiUrl}${path}`, { headers: { authorization: `Bearer ${token}` } });
      const text = await answer.text();
      if (!expected.includes(answer.status)) {
        if (this.#isOutdated(question) || (answer.status === 503 && wasEmpty)) return;
        this.#count('status', `${pod.name} answered ${path} with ${answer.status}: ${text.slice(0, 200)}`);
      } else if (endpoint !== undefined) {
        const body = JSON.parse(text) as Body;
        const sinceMs = replicas.sinceMs(pod);
        const wrong = promised.judge(endpoint, body, before);
        const told = `${pod.name} answered ${path} with ${JSON.stringify(body.meta).slice(0, 200)}`;
        // One that comes back has the same time as all to be where the others are.
        if (wrong !== undefined && (wrong === 'mixed' || sentMs - sinceMs > apartMs)) this.#count(wrong, told);
        if (promised.isApart(endpoint, body, { sinceMs, sentMs, receivedMs: performance.now() })) this.#count('apart', told);
      }
    } catch (error) {
      if (!replicas.isServing(pod)) this.lost += 1;
      else {
        this.wrong.connection += 1;
        complain(`${pod.name} broke off ${path}: ${String(error)} ${String((error as Error).cause)}`);
      }
    }
  }

  /** The key was rotated, revoked or deleted, or the endpoint removed, while the request was under way. */
  #isOutdated({ token, path }: Question): boolean {
    const { tokens, endpoints } = this.#on;
    const name = nameIn(path);
    const isKnown =
      token === tokens.steady || token.startsWith('nobodys') || [...tokens.minted.values()].some((one) => one.token === token);
    return !isKnown || !(name.startsWith('unknown') || endpoints().includes(name));
  }

  #count(wrong: Wrong, told: string): void {
    this.wrong[wrong] += 1;
    this.#on.complain(`${wrong}: ${told}`);
  }
}
