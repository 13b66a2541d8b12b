/** Clients that ask side by side, each its next question when its last one is answered. */
import { Agent, get } from 'node:http';
import type { Answer } from './scenarios.ts';

export type Load = {
  /** In the order in which they were asked. */
  readonly answers: readonly Answer[];
  readonly wallMs: number;
};

/** One request; a connection that breaks is an answer with status 0. */
const ask = async (url: string, agent: Agent, token: string): Promise<Answer> =>
  new Promise((resolve) => {
    const startedMs = performance.now();
    const end = (status: number, body: Buffer): void => resolve({ status, body, ms: performance.now() - startedMs });
    const fail = (): void => end(0, Buffer.alloc(0));
    const request = get(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => end(response.statusCode ?? 0, Buffer.concat(parts)));
      response.on('error', fail);
    });
    request.on('error', fail);
  });

/** `requests` requests by `concurrency` clients, each with a connection that it keeps. */
export const load = async (
  urlOf: (n: number) => string,
  { requests, concurrency, token }: { readonly requests: number; readonly concurrency: number; readonly token: string },
): Promise<Load> => {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const answers: Answer[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < requests) {
      const n = next;
      next += 1;
      answers[n] = await ask(urlOf(n), agent, token);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: concurrency }, client));
  const wallMs = performance.now() - startedMs;
  agent.destroy();
  return { answers, wallMs };
};
