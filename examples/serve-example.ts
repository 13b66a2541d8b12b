/** Starts the gateway on an example, says how to ask it, and serves until Ctrl-C. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { isReady, until } from './gateway-answers.ts';
import { startGateway } from './offloader.ts';
import { adminToken, adminUrl, apiUrl } from './places.ts';
import type { Places } from './places.ts';

/** The longest wait for a first load, on a slow and busy machine. */
const readyLimitMs = 120_000;

/** Serves until the process is told to stop; the exit code says how that went. */
export const serveExample = async (
  places: Places,
  examples: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<number> => {
  if (await isReady()) {
    console.error(`something is served at ${adminUrl} already; stop it, or set OFFLOADER_API_PORT and OFFLOADER_ADMIN_PORT`);
    return 1;
  }
  const gateway = startGateway(places, settings);
  const ended = once(gateway, 'exit') as Promise<[number | null]>;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => gateway.kill('SIGTERM'));
  const isUp = await until(async () => gateway.exitCode !== null || (await isReady()), readyLimitMs);
  if (!isUp || gateway.exitCode !== null) {
    gateway.kill('SIGTERM');
    console.error(`the gateway did not become ready; its log:\n${await readFile(places.log, 'utf8')}`);
    return 1;
  }
  console.log(`\nReady: API ${apiUrl}, admin ${adminUrl}, log ${places.log}\n`);
  for (const line of examples) console.log(line);
  console.log(`\nHow it is: curl -s -H 'Authorization: Bearer ${adminToken}' ${adminUrl}/diagnostics`);
  console.log('Ctrl-C stops it.');
  const [code] = await ended;
  return code ?? 0;
};

/** A line to copy: one call, with a token where one is asked for. */
export const curl = (token: string | undefined, path: string): string =>
  `curl -s ${token === undefined ? '' : `-H 'Authorization: Bearer ${token}' `}'${apiUrl}/v1/endpoints/${path}'`;
