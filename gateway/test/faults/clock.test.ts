// A clock that jumps, forwards and backwards, under a gateway that serves and loads.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { apiKey, until } from '../support/gateway.ts';
import { createRig, lossesOf, type Rig } from './support/rig.ts';

const hour = 3_600_000;
let rig: Rig;
let n = 1;

beforeAll(async () => {
  rig = await createRig(['one', 'other']);
  // With limits: a bucket that is filled by the clock must not stand still with it.
  await rig.fleet.configure(undefined, [apiKey('acme', { limits: { requestsPerSecond: 1000, burst: 1000 } })]);
  await rig.fleet.publish(1);
  await rig.start({
    FAULT_CLOCK: join(rig.folder, 'offset'),
    NODE_OPTIONS: `--import ${new URL('./support/clock.ts', import.meta.url).href}`,
  });
});
afterAll(async () => rig.end());

/** Sets the gateway's clock off, and waits for its own word that it has jumped, to the minute. */
const jumpTo = async (offsetMs: number): Promise<void> => {
  await writeFile(join(rig.folder, 'offset'), String(offsetMs));
  rig.gateway.child.kill('SIGUSR2');
  await until(async () => {
    const response = await fetch(`http://127.0.0.1:${rig.gateway.apiPort}/v1/endpoints/one`, {
      headers: { authorization: 'Bearer acme-token' },
    });
    const { meta } = (await response.json()) as { meta: { generated_at: string } };
    return Math.abs(Date.parse(meta.generated_at) - offsetMs - Date.now()) < 60_000;
  });
};

test.each([
  ['forward by an hour', hour],
  ['back by two', -hour],
  ['forward by ten years', 87_600 * hour],
  ['back by twenty', -87_600 * hour],
  ['to where it was', 0],
])(
  'survives a clock that jumps %s: it stops no request, no poll and no load',
  async (_where, offsetMs) => {
    await jumpTo(offsetMs);
    const before = rig.answered();
    n += 1;
    await rig.fleet.publish(n);
    await until(() => rig.answered() > before + 20);
    expect(lossesOf(await rig.aftermath(() => n))).toEqual([]);
  },
  1_200_000,
);
