// A clock that jumps, forwards and backwards, under a gateway that serves and loads.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { apiKey, until } from '../support/gateway.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';
import { startAsking } from './support/asking.ts';
import { createFleet, type Fleet } from './support/fleet.ts';
import { tellSurvived } from './support/survived.ts';
import { attemptsIn } from './support/volume.ts';

const hour = 3_600_000;
const jumps = [hour, -hour, 87_600 * hour, -87_600 * hour, 0];
let fleet: Fleet;
let folder: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-clock-'));
  fleet = await createFleet(['one', 'other']);
  // With limits: a bucket that is filled by the clock must not stand still with it.
  await fleet.configure(undefined, [apiKey('acme', { limits: { requestsPerSecond: 1000, burst: 1000 } })]);
  await fleet.publish(1);
  gateway = await startProcess([], {
    OFFLOADER_CONFIG: fleet.configDir,
    OFFLOADER_CACHE_DIR: fleet.cacheDir,
    FAULT_CLOCK: join(folder, 'offset'),
    NODE_OPTIONS: `--import ${new URL('./support/clock.ts', import.meta.url).href}`,
  });
});
afterAll(async () => {
  await gateway.end();
  await fleet.end();
  await rm(folder, { recursive: true, force: true });
});

/** Sets the gateway's clock off, and waits for its own word that it has jumped, to the minute. */
const jumpTo = async (offsetMs: number): Promise<void> => {
  await writeFile(join(folder, 'offset'), String(offsetMs));
  gateway.child.kill('SIGUSR2');
  await until(async () => {
    const response = await fetch(`http://127.0.0.1:${gateway.apiPort}/v1/endpoints/one`, {
      headers: { authorization: 'Bearer acme-token' },
    });
    const { meta } = (await response.json()) as { meta: { generated_at: string } };
    return Math.abs(Date.parse(meta.generated_at) - offsetMs - Date.now()) < 60_000;
  });
};

test('a clock that jumps by an hour or by ten years stops no request, no poll and no load', async () => {
  const asking = startAsking(() => gateway.apiPort, fleet.names);
  const seen: number[] = [];
  for (const [at, offsetMs] of jumps.entries()) {
    await jumpTo(offsetMs);
    const before = asking.seen().right;
    await fleet.publish(at + 2);
    await until(() => fleet.names.every((name) => attemptsIn(gateway.lines, name).includes(`a${at + 2} ok`)));
    await until(() => asking.seen().right > before + 20);
    seen.push(offsetMs);
  }
  const { wrong, failed } = await asking.stop();
  expect([wrong, [...failed]]).toEqual([[], []]);
  tellSurvived(seen.length, jumps.length, 'jumps of the clock');
}, 240_000);
