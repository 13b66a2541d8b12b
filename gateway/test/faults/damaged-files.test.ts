// Files that are damaged: Parquet at the source, cut off or with a bit turned, and the gateway's own DuckDB files, at rest and
// under its feet.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { open, readFile, stat, truncate } from 'node:fs/promises';

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/gateway.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';
import { ask, startAsking } from './support/asking.ts';
import { createFleet, type Fleet, type Manifest } from './support/fleet.ts';
import { tellSurvived } from './support/survived.ts';
import { attemptsIn, left, orphansOn, readIndex } from './support/volume.ts';

const damaged = Array.from({ length: 20 }, (_, n) => `damaged-${String(n).padStart(2, '0')}`);
let fleet: Fleet;
let gateway: GatewayProcess;

const start = async (): Promise<void> => {
  gateway = await startProcess([], { OFFLOADER_CONFIG: fleet.configDir, OFFLOADER_CACHE_DIR: fleet.cacheDir });
};
/** Turns one bit of a file in place. */
const turnBit = async (file: string, at: number): Promise<void> => {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 1 << (at % 8);
  await handle.write(byte, 0, 1, at);
  await handle.close();
};
/** The first ten are cut off, the others have a bit turned, from the first byte to the last. */
const damage = async (name: string, file: string): Promise<void> => {
  const at = damaged.indexOf(name);
  const { size } = await stat(file);
  if (at < 10) await truncate(file, Math.floor((size * at) / 10));
  else await turnBit(file, Math.floor(((size - 1) * (at - 10)) / 9));
};
const activeFile = async (name: string): Promise<string> =>
  join(fleet.cacheDir, 'snapshots', name, (await readIndex(fleet.cacheDir)).datasets[name]!.active!, 'data.duckdb');
const serveAll = async (n: number): Promise<void> => {
  for (const name of fleet.names)
    await until(async () => {
      const answer = await ask(gateway.apiPort, name);
      return 'n' in answer && answer.n === n;
    });
};

beforeAll(async () => {
  fleet = await createFleet([...damaged, 'sound']);
  await fleet.configure();
  await fleet.publish(1);
  await start();
}, 120_000);
afterAll(async () => {
  await gateway.end();
  await fleet.end();
});

test('a file at the source that is damaged is never served, and the next whole snapshot is', async () => {
  const asking = startAsking(() => gateway.apiPort, fleet.names);
  await fleet.publish(2, fleet.names, async (name, manifest: Manifest & { files: { sha256?: string }[] }, file) => {
    manifest.files[0]!.sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    if (name !== 'sound') await damage(name, file);
    // Half of those that are cut off have a manifest that knows: size and digest are of what is left.
    if (damaged.indexOf(name) % 2 === 0 && damaged.indexOf(name) < 10) {
      manifest.files[0]!.size_bytes = (await stat(file)).size;
      delete manifest.files[0]!.sha256;
    }
  });
  await until(() => fleet.names.every((name) => attemptsIn(gateway.lines, name).some((attempt) => attempt.startsWith('a2 '))));
  expect(damaged.filter((name) => attemptsIn(gateway.lines, name).includes('a2 ok'))).toEqual([]);
  expect(attemptsIn(gateway.lines, 'sound')).toContain('a2 ok');
  await fleet.publish(3);
  await serveAll(3);
  const { wrong, failed } = await asking.stop();
  expect(wrong).toEqual([]);
  expect([...failed]).toEqual([]);
  tellSurvived(damaged.length, damaged.length, 'damaged Parquet files');
}, 240_000);

describe('a file of the cache volume that is damaged', () => {
  test('while the gateway is down never serves, and is built anew from the source', async () => {
    await left(async () => orphansOn(fleet.cacheDir));
    gateway.child.kill('SIGKILL');
    await once(gateway.child, 'exit');
    for (const name of damaged) await damage(name, await activeFile(name));
    await start();
    const asking = startAsking(() => gateway.apiPort, fleet.names);
    expect(await ask(gateway.apiPort, 'sound')).toEqual({ n: 3 });
    await serveAll(3);
    const { wrong, failed } = await asking.stop();
    expect(wrong).toEqual([]);
    expect([...failed.keys()].filter((what) => what.startsWith('sound'))).toEqual([]);
    expect(await left(async () => orphansOn(fleet.cacheDir))).toEqual([]);
    tellSurvived(damaged.length, damaged.length, 'damaged DuckDB files at a restart');
  }, 240_000);

  test('while it serves never gives a wrong answer, and what does not read any more is built anew', async () => {
    const asking = startAsking(() => gateway.apiPort, fleet.names);
    for (const name of damaged) await damage(name, await activeFile(name));
    // A newer snapshot comes all the same, whatever became of the one before.
    await fleet.publish(4);
    await serveAll(4);
    const { wrong, failed } = await asking.stop();
    expect(wrong).toEqual([]);
    expect([...failed.keys()].filter((what) => what.startsWith('sound'))).toEqual([]);
    tellSurvived(damaged.length, damaged.length, 'DuckDB files damaged under a gateway that serves them');
  }, 240_000);
});
