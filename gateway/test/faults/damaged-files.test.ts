// Files that are damaged: Parquet at the source, cut off or with a bit turned, and the gateway's own DuckDB files, at rest and
// under its feet.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { turnBit } from '../support/damage.ts';
import { ask } from './support/asking.ts';
import type { Manifest } from './support/fleet.ts';
import { type Aftermath, createRig, lossesOf, type Rig } from './support/rig.ts';
import { readIndex } from './support/volume.ts';

/** The first ten are cut off, the others have a bit turned, from the first byte to the last. */
const victims = Array.from({ length: 20 }, (_, n) => `${n < 10 ? 'cut' : 'bit'}-${String(n).padStart(2, '0')}`);
let rig: Rig;
let afters: readonly (Aftermath | undefined)[];
const lossesOfOne = (victim: string, excused?: RegExp): readonly string[] =>
  afters.flatMap((after) => lossesOf(after, { victims, victim, ...(excused === undefined ? {} : { excused }) }));

const damage = async (name: string, file: string): Promise<void> => {
  const at = victims.indexOf(name);
  const { size } = await stat(file);
  if (at < 10) await truncate(file, Math.floor((size * at) / 10));
  else await turnBit(file, Math.floor(((size - 1) * (at - 10)) / 9));
};
const damageAll = async (): Promise<void> => {
  const { datasets } = await readIndex(rig.fleet.cacheDir);
  for (const name of victims) await damage(name, join(rig.fleet.cacheDir, 'snapshots', name, datasets[name]!.active!, 'data.duckdb'));
};

beforeAll(async () => {
  rig = await createRig([...victims, 'sound']);
  await rig.fleet.configure();
  await rig.fleet.publish(1);
  await rig.start();
}, 1_200_000);
afterAll(async () => rig.end());

describe('a Parquet file at the source that is damaged', () => {
  beforeAll(async () => {
    afters = [undefined];
    await rig.fleet.publish(2, rig.fleet.names, async (name, manifest: Manifest & { files: { sha256?: string }[] }, file) => {
      manifest.files[0]!.sha256 = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      if (name !== 'sound') await damage(name, file);
      // Half of those that are cut off have a manifest that knows: size and digest are of what is left.
      if (name.startsWith('cut') && victims.indexOf(name) % 2 === 0) {
        manifest.files[0]!.size_bytes = (await stat(file)).size;
        delete manifest.files[0]!.sha256;
      }
    });
    await until(() => rig.fleet.names.every((name) => rig.attempts(name).some((attempt) => attempt.startsWith('a2 '))));
    const refused = await rig.aftermath((name) => (name === 'sound' ? 2 : 1));
    await rig.fleet.publish(3);
    afters = [refused, await rig.aftermath(() => 3)];
  }, 1_200_000);

  test.each(victims)('survives that of %s: it is never served, and the next whole snapshot is', (victim) => {
    expect(rig.attempts(victim)).not.toContain('a2 ok');
    expect(lossesOfOne(victim)).toEqual([]);
  });
});

describe('a DuckDB file of the cache volume that is damaged while the gateway is down', () => {
  let sound: unknown;
  beforeAll(async () => {
    afters = [undefined];
    rig.gateway.child.kill('SIGKILL');
    await once(rig.gateway.child, 'exit');
    await damageAll();
    await rig.start();
    sound = await ask(rig.gateway.apiPort, 'sound');
    afters = [await rig.aftermath(() => 3)];
  }, 1_200_000);

  test.each(victims)('survives that of %s: it never serves, and is built anew from the source', (victim) => {
    expect(sound).toEqual({ n: 3 });
    // Its own dataset may lack data until it has been built again, and without a gateway there is no connection.
    expect(lossesOfOne(victim, new RegExp(`^${victim} | (no|broken) connection$`))).toEqual([]);
  });
});

describe('a DuckDB file that is damaged while it serves', () => {
  beforeAll(async () => {
    afters = [undefined];
    await damageAll();
    // A newer snapshot comes all the same, whatever became of the one before.
    await rig.fleet.publish(4);
    afters = [await rig.aftermath(() => 4)];
  }, 1_200_000);

  test.each(victims)('survives that of %s: no answer is wrong, and what does not read any more is built anew', (victim) => {
    expect(lossesOfOne(victim, new RegExp(`^${victim} `))).toEqual([]);
  });
});
