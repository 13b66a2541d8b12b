/** Asks the example's gateway over HTTP. */
import { setTimeout as wait } from 'node:timers/promises';
import { adminUrl, apiUrl } from './places.ts';

/** Waits for a condition that costs a call to check; false when the time is up. */
export const until = async (condition: () => Promise<boolean>, limitMs: number): Promise<boolean> => {
  const end = Date.now() + limitMs;
  while (Date.now() < end) {
    if (await condition()) return true;
    await wait(100);
  }
  return false;
};

/** Whether the gateway says that it is ready; false when nobody answers. */
export const isReady = async (): Promise<boolean> => {
  try {
    return (await fetch(`${adminUrl}/ready`, { signal: AbortSignal.timeout(2_000) })).status === 200;
  } catch {
    return false;
  }
};

export type Answered = { readonly data: readonly Record<string, unknown>[]; readonly meta: { readonly snapshot_id: string } };

/** One call of an endpoint; undefined when it did not answer with 200. */
export const ask = async (path: string, token: string): Promise<Answered | undefined> => {
  try {
    const response = await fetch(`${apiUrl}/v1/endpoints/${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    });
    return response.status === 200 ? ((await response.json()) as Answered) : undefined;
  } catch {
    return undefined;
  }
};
