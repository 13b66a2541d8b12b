/** Consumers that never stop calling, so that a blink shows. */
import { call } from './gateways.ts';
import { pause } from './until.ts';

export type Traffic = {
  readonly urls: readonly string[];
  readonly path: string;
  readonly token: string;
  /** Between an answer and the next call. */
  readonly pauseMs?: number;
};
export type Served = { readonly requests: number; readonly failures: readonly string[] };

/** Calls each address in a loop while the work goes on; everything but 200 is kept with its time. */
export const during = async ({ urls, path, token, pauseMs = 5 }: Traffic, work: () => Promise<void>): Promise<Served> => {
  let running = true;
  let requests = 0;
  const failures: string[] = [];
  const loops = urls.map(async (url) => {
    while (running) {
      const answer = await call(url, path, token);
      requests += 1;
      if (answer.status !== 200) failures.push(`${new Date().toISOString()} ${url} ${String(answer.status)} ${answer.family ?? ''}`);
      await pause(pauseMs);
    }
  });
  try {
    await work();
  } finally {
    running = false;
    await Promise.all(loops);
  }
  return { requests, failures };
};
