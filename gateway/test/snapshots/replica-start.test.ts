// What a replica that starts owes to those that serve: they switch together.
import { expect, test } from '@jest/globals';
import type { Report } from '@offloader/contract';
import { startWorld, until, visitsDataset } from '../support/gateway.ts';
import { createLake, visits } from '../support/lake.ts';
import { mountParts, partsOf } from '../support/mounted.ts';

test('a replica that starts waits with a new snapshot for the word of the operator that wrote its configuration, though it has not heard of it yet', async () => {
  const lake = await createLake();
  await lake.publish('a1', visits(1));
  const resources = [visitsDataset(lake.url)];
  const world = await startWorld(resources);
  try {
    await mountParts(world.configDir, partsOf(resources));
    await lake.publish('a2', visits(2));
    // It has loaded a1 while no operator was about.
    await world.restart();
    const seen = async () => {
      const report = (await (await world.admin('/diagnostics', 'admin-token')).json()) as Report;
      const [dataset] = report.datasets;
      return [dataset?.active_snapshot?.snapshot_id, dataset?.staged];
    };
    await until(async () => (await seen()).includes('a2'));
    expect(await seen()).toEqual(['a1', 'a2']);
    await mountParts(world.configDir, partsOf(resources, 2, 'required', { visits: 'a2' }));
    await until(async () => (await seen())[0] === 'a2');
  } finally {
    await world.end();
    await lake.remove();
  }
});
