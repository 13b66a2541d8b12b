// The contract's "Environment and boot", its last sentence: gateway processes on a volume that a newer image has written. What each odd
// entry of a volume comes to is in ../snapshots/odd-volume.test.ts.
import { mkdir, mkdtemp, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import type { Report } from '@offloader/contract';
import { apiKey, endpoint, removeUsed, secretKeyBase, until, visitsDataset } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { type GatewayProcess, runToEnd, startProcess } from '../support/process.ts';

type Fields = Record<string, unknown>;
let folder: string;
let lake: Lake;
let gateway: GatewayProcess;
const cache = (...path: readonly string[]): string => join(folder, 'cache', ...path);
const index = (): string => cache('index.json');
const lastGood = (): string => cache('config', 'last-good.json');
const read = async (file: string): Promise<Fields> => JSON.parse(await readFile(file, 'utf8')) as Fields;
const edit = async (file: string, change: Fields): Promise<void> => writeFile(file, JSON.stringify({ ...(await read(file)), ...change }));
const activeFile = async (name: string): Promise<string> => {
  const { datasets } = (await read(index())) as { datasets: { visits: { active: string } } };
  return cache('snapshots', 'visits', datasets.visits.active, name);
};

const start = async (): Promise<void> => {
  gateway = await startProcess([], {
    OFFLOADER_CONFIG: join(folder, 'config'),
    OFFLOADER_CACHE_DIR: cache(),
    OFFLOADER_ADMIN_TOKEN: 'admin-token',
  });
};
const ask = async (): Promise<any> => {
  const response = await fetch(`http://127.0.0.1:${gateway.apiPort}/v1/endpoints/daily`, {
    headers: { authorization: 'Bearer acme-token' },
  });
  const { data, meta } = (await response.json()) as any;
  return { status: response.status, snapshot: meta?.snapshot_id, data };
};
const report = async (): Promise<Report> => {
  const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/diagnostics`, { headers: { authorization: 'Bearer admin-token' } });
  return (await response.json()) as Report;
};
const loads = (): number => gateway.lines.filter((line) => line.includes('"kind":"load_ended"')).length;
/** Waits until all that an image leaves behind has been written. */
const settled = async (): Promise<void> => {
  await until(async () => {
    const { datasets } = (await read(index()).catch(() => ({}))) as { datasets?: { visits?: { active: string } } };
    // The index names it before what it replaces goes.
    return (await readdir(cache('snapshots', 'visits')).catch(() => [])).join() === datasets?.visits?.active;
  });
  await until(async () => readFile(lastGood()).then(() => true, () => false)); // prettier-ignore
};

describe('Image rollback needs no migration: an older image accepts or rebuilds the cache.', () => {
  let before: unknown;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-image-'));
    lake = await createLake();
    await lake.publish('a1', visits(1));
    await mkdir(join(folder, 'config'));
    const resources = [visitsDataset(lake.url), endpoint('daily'), apiKey('acme')];
    await writeFile(join(folder, 'config', 'all.yaml'), resources.map((one) => stringify(one)).join('---\n'));
    await start();
    before = await ask();
    await settled();
    await gateway.end();
  });
  afterAll(async () => {
    await lake.remove();
    await removeUsed(folder);
  });

  test('what newer images add is passed over, and the snapshot serves without its source', async () => {
    await edit(index(), { writtenBy: '9.0.0', shards: [{ of: 'visits' }] });
    await edit(await activeFile('snapshot.json'), { statistics: { visits: { min: 1 } } });
    await edit(lastGood(), { signedBy: 'a newer image' });
    await mkdir(cache('vectors', 'visits'), { recursive: true });
    await writeFile(cache('vectors', 'visits', 'part-0.bin'), 'x');
    await rename(lake.folder, `${lake.folder}-away`);
    await start();
    expect([await ask(), loads()]).toEqual([before, 0]);
    expect((await report()).datasets[0]).toMatchObject({ active_snapshot: { snapshot_id: 'a1' }, cache_healthy: true });
    await rename(`${lake.folder}-away`, lake.folder);
    await gateway.end();
  });

  test.each<[string, () => Promise<unknown>]>([
    ['an index of another form', async () => writeFile(index(), JSON.stringify({ format: 2, loads: [{ dataset: 'visits', at: 'a1' }] }))],
    ['a snapshot of another form', async () => edit(await activeFile('snapshot.json'), { format: 2 })],
    [
      'a file of a storage version that this DuckDB does not know',
      async () => {
        const file = await open(await activeFile('data.duckdb'), 'r+');
        const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 8);
        expect(buffer.toString()).toBe('DUCK');
        await file.write(Uint8Array.of(250), 0, 1, 12);
        await file.close();
      },
    ],
    ['snapshots in another place', async () => rename(cache('snapshots'), cache('loads'))],
  ])('%s is built anew from the source, with nobody doing anything', async (_what, change) => {
    await change();
    await start();
    // Its log comes on a way of its own.
    await until(() => loads() > 0);
    expect([await ask(), loads()]).toEqual([before, 1]);
    await until(async () => (await report()).datasets[0]?.cache_healthy === true);
    await settled();
    await gateway.end();
  });

  test('and what was built is there for the next start', async () => {
    await start();
    expect([await ask(), loads()]).toEqual([before, 0]);
    await gateway.end();
  });

  test('a last good configuration of another form is none: a bad one is refused with its findings', async () => {
    await edit(lastGood(), { format: 2 });
    const bad = join(folder, 'bad');
    await mkdir(bad);
    await writeFile(join(bad, 'all.yaml'), stringify(endpoint('daily', { columns: ['nothing'] })));
    const { code, output } = await runToEnd({
      OFFLOADER_SECRET_KEY_BASE: secretKeyBase,
      OFFLOADER_CONFIG: bad,
      OFFLOADER_CACHE_DIR: cache(),
      OFFLOADER_API_PORT: '0',
      OFFLOADER_ADMIN_PORT: '0',
    });
    expect([code, output]).toEqual([1, expect.stringContaining('column_not_selected')]);
    expect(await readdir(cache('snapshots'))).toEqual(['visits']);
  });
});
