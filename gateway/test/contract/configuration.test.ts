// The contract's "Configuration and hot sync" where an edit needs no other data: how it arrives, when it counts, and when it is refused.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { type ConfigSync, mounted, type Report } from '@offloader/contract';
import { apiKey, endpoint, removeUsed, sha256, until, visitsDataset } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { type Files, mountParts, partsOf } from '../support/mounted.ts';
import { type GatewayProcess, startProcess } from '../support/process.ts';

const folder = await mkdtemp(join(tmpdir(), 'offloader-configuration-'));
let lake: Lake;
beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
});

/** What an edition of the configuration says, all over: its endpoint's version, and a key of its number. */
const edition = (n: number, keys: readonly unknown[] = [apiKey('acme')]): readonly unknown[] => [
  visitsDataset(lake.url),
  endpoint('daily', { version: n, description: `Edition ${n}` }),
  endpoint('other', { version: n }),
  ...keys,
  apiKey(`acme-${n}`, { tenant: 'acme' }),
];
/** One of the ways in which a configuration comes. */
type Way = {
  readonly name: string;
  readonly dir: string;
  readonly write: (resources: readonly unknown[]) => Promise<void>;
  /** What a bad one is: what it is called, how these resources are made so, what is said of it. */
  readonly bad: readonly (readonly [string, (next: readonly unknown[]) => Promise<void>, string])[];
};
const without = (files: Files, name: string): Files => new Map([...files].filter(([file]) => file !== name));
const withBytes = (files: Files, name: string, bytes: Uint8Array): Files => new Map([...files, [name, bytes]]);
/** In one step: a look at any moment finds the same. */
const hide = async (path: string): Promise<void> => rename(path, `${path}-away`);
/** What was hidden is there again. */
const show = async (path: string): Promise<void> => {
  if (existsSync(`${path}-away`)) await rename(`${path}-away`, path);
};

/** A folder of manifests, replaced by rename as careful editors do it. */
const standalone = (): Way => {
  const dir = join(folder, 'standalone');
  const file = join(dir, 'all.yaml');
  const put = async (text: string): Promise<void> => {
    await mkdir(dir, { recursive: true });
    await writeFile(`${file}.next`, text);
    await rename(`${file}.next`, file);
  };
  const yaml = (resources: readonly unknown[]): string => resources.map((one) => stringify(one)).join('---\n');
  return {
    name: 'standalone',
    dir,
    write: async (resources) => put(yaml(resources)),
    bad: [
      ['an endpoint that answers what it does not select', async (next) => put(yaml([...next, endpoint('wrong', { columns: ['nothing'] })])), 'column_not_selected'],
      ['a file that is no YAML', async (next) => put(`${yaml(next)}---\n{`), 'invalid_yaml'],
      ['a folder that cannot be read', async () => hide(dir), 'cannot be read'],
    ],
  }; // prettier-ignore
};
/** The parts that the operator writes. */
const mountedWay = (): Way => {
  let sequence = 0;
  const dir = join(folder, 'mounted');
  const parts = (resources: readonly unknown[]): Files => partsOf(resources, (sequence += 1));
  const spoilt = (change: (files: Files) => Files) => async (next: readonly unknown[]) => mountParts(dir, change(parts(next)));
  const index = (files: Files): Record<string, unknown> => JSON.parse(Buffer.from(files.get(mounted.index)!).toString('utf8')) as Record<string, unknown>; // prettier-ignore
  return {
    name: 'mounted',
    dir,
    write: async (resources) => mountParts(dir, parts(resources)),
    bad: [
      ['an index that is no JSON', spoilt((files) => withBytes(files, mounted.index, Buffer.from('{'))), 'index.json'],
      ['a part that is missing', spoilt((files) => without(files, mounted.part(0))), 'part-0.json.gz is missing'],
      ['a part of other bytes', spoilt((files) => withBytes(files, mounted.keys, Buffer.from('x'))), 'keys.json.gz does not match its digest'],
      ['parts that are not those of the revision', spoilt((files) => withBytes(files, mounted.index, Buffer.from(JSON.stringify({ ...index(files), revision: 'r' })))), 'do not add up'],
      ['a folder that cannot be read', async () => hide(dir), 'index.json is missing'],
    ],
  }; // prettier-ignore
};

type Sync = Extract<ConfigSync, { readonly enabled: true }>;
/** A gateway process that follows such a folder, edition after edition. */
const openRig = async (way: Way) => {
  const cacheDir = join(folder, `cache-${way.name}`);
  let n = 1;
  await way.write(edition(n));
  const start = async (): Promise<GatewayProcess> =>
    startProcess([], { OFFLOADER_CONFIG: way.dir, OFFLOADER_CACHE_DIR: cacheDir, OFFLOADER_ADMIN_TOKEN: 'admin-token' });
  let gateway = await start();
  const get = async (path: string, key: string | null, port = gateway.apiPort): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, key === null ? {} : { headers: { authorization: `Bearer ${key}-token` } });
  const report = async (): Promise<Report> => (await (await get('/diagnostics', 'admin', gateway.adminPort)).json()) as Report;
  const rig = {
    way,
    cacheDir,
    get gateway() {
      return gateway;
    },
    get n() {
      return n;
    },
    status: async (name: string, key: string | null = 'acme') => (await get(`/v1/endpoints/${name}`, key)).status,
    /** The edition that both endpoints are of. */
    shown: async (): Promise<readonly unknown[]> => {
      const answers = ['daily', 'other'].map(async (name) => ((await (await get(`/v1/endpoints/${name}`, 'acme')).json()) as any).meta?.version); // prettier-ignore
      return [...new Set(await Promise.all(answers))];
    },
    report,
    sync: async (): Promise<Sync> => (await report()).config_sync as Sync,
    logged: (kind: string) => gateway.lines.filter((line) => line.includes(`"kind":"${kind}"`)).map((line) => JSON.parse(line)),
    /** Writes and waits until it is applied. */
    edit: async (write = async (): Promise<void> => way.write(edition(n))): Promise<void> => {
      const before = rig.logged('config_applied').length;
      n += 1;
      await write();
      await until(() => rig.logged('config_applied').length > before);
    },
    restart: async (): Promise<void> => {
      await gateway.end();
      gateway = await start();
    },
  };
  return rig;
};
type Rig = Awaited<ReturnType<typeof openRig>>;
const ways = [standalone(), mountedWay()];
const rigs: Rig[] = [];
const named = (name: string): Rig => rigs.find(({ way }) => way.name === name)!;
beforeAll(async () => void rigs.push(...(await Promise.all(ways.map(openRig)))));
// Whatever has failed, the next one begins with a folder that is there.
afterEach(async () => void (await Promise.all(ways.map(async ({ dir }) => show(dir)))));
afterAll(async () => {
  await Promise.all(rigs.map(async ({ gateway }) => gateway.end()));
  await lake.remove();
  await removeUsed(folder);
});
const both = ['standalone', 'mounted'] as const;

describe('Changed and valid ⇒ applied without restart.', () => {
  test.each(both)('%s', async (name) => {
    const rig = named(name);
    for (let turn = 0; turn < 3; turn += 1) {
      await rig.edit();
      expect(await rig.shown()).toEqual([rig.n]);
      expect([await rig.status('daily', `acme-${rig.n}`), await rig.status('daily', `acme-${rig.n - 1}`)]).toEqual([200, 401]);
      const [applied] = rig.logged('config_applied').slice(-1);
      await until(async () => (await rig.sync()).revision === applied.revision);
      expect(await rig.sync()).toMatchObject({ error: null, last_applied: expect.stringMatching(/Z$/) });
    }
    expect([rig.logged('booted').length, rig.gateway.child.exitCode]).toEqual([1, null]);
  });
});

describe('Changed and invalid or unreadable ⇒ logged, shown in /diagnostics, the running configuration kept.', () => {
  for (const { name, bad } of ways)
    for (const [what, spoil, said] of bad)
      test(`${name}: ${what}`, async () => {
        const rig = named(name);
        const [before, { revision }] = [rig.logged('config_rejected').length, await rig.sync()];
        await spoil(edition(rig.n + 1));
        await until(async () => (await rig.sync()).result === 'error');
        const first = await rig.sync();
        expect([first.error, first.revision]).toEqual([expect.stringContaining(said), revision]);
        await until(async () => (await rig.sync()).last_checked !== first.last_checked);
        await until(() => rig.logged('config_rejected').length > before);
        // Told once, however often it is looked at.
        expect(rig.logged('config_rejected').slice(before)).toEqual([
          expect.objectContaining({ level: 'error', error: expect.stringContaining(said) }),
        ]);
        expect((await rig.report()).incidents.map((one) => one.class)).toContain('config_rejected');
        expect([await rig.shown(), await rig.status('daily', `acme-${rig.n}`)]).toEqual([[rig.n], 200]);
        await show(rig.way.dir);
        await rig.edit();
        expect(await rig.shown()).toEqual([rig.n]);
        await until(async () => (await rig.sync()).error === null);
      });
});

describe('A restart with a bad configuration comes up on the last good one kept on the cache volume, and says so.', () => {
  test.each(both)('%s', async (name) => {
    const rig = named(name);
    const { revision } = await rig.sync();
    await until(async () => (await readFile(join(rig.cacheDir, 'config', 'last-good.json'), 'utf8')).includes(revision!));
    const [, spoil, said] = rig.way.bad[0]!;
    await spoil(edition(rig.n + 1));
    await rig.restart();
    expect([await rig.shown(), await rig.status('daily', `acme-${rig.n}`)]).toEqual([[rig.n], 200]);
    expect(rig.logged('config_fallback')).toEqual([expect.objectContaining({ revision, why: expect.stringContaining(said) })]);
    expect(await rig.sync()).toMatchObject({ result: 'error', error: expect.stringContaining(said), revision });
    await rig.edit();
    expect(await rig.shown()).toEqual([rig.n]);
  });
});

test('The mounted configuration is several ConfigMaps and a Secret, each part under 512 KiB; an index with the revision and the sha256 of every part is written last, and the gateway applies a revision only when all its parts match: never a mixed set.', async () => {
  const rig = named('mounted');
  const old = partsOf(edition(rig.n), 100);
  await mountParts(rig.way.dir, old);
  await until(async () => (await rig.sync()).sequence === 100);
  const next = partsOf(edition(rig.n + 1), 101);
  const index = JSON.parse(Buffer.from(next.get(mounted.index)!).toString('utf8')) as { revision: string; parts: { file: string; sha256: string }[] };
  const changed = [...next.keys()].filter((file) => !Buffer.from(next.get(file)!).equals(old.get(file)!));
  expect(changed.toSorted()).toEqual([mounted.index, mounted.keys, mounted.part(0)].toSorted());
  expect(new Map(index.parts.map(({ file, sha256: digest }) => [file, digest]))).toEqual(
    new Map([...next].filter(([file]) => file !== mounted.index).map(([file, bytes]) => [file, createHash('sha256').update(bytes).digest('hex')])),
  );
  const checked = async (): Promise<void> => {
    const before = (await rig.sync()).last_checked;
    await until(async () => (await rig.sync()).last_checked !== before);
  };
  // What a kubelet shows when some of the objects have not reached it yet, in every mixture that names the new revision.
  for (const arrived of [[], [mounted.keys], [mounted.part(0)]]) {
    await mountParts(rig.way.dir, new Map([...old, ...[...next].filter(([file]) => [mounted.index, ...arrived].includes(file))]));
    await until(async () => (await rig.sync()).result === 'error');
    await checked();
    expect([(await rig.sync()).sequence, await rig.shown(), await rig.status('daily', `acme-${rig.n + 1}`)]).toEqual([100, [rig.n], 401]);
  }
  await rig.edit(async () => mountParts(rig.way.dir, next));
  expect([await rig.shown(), await rig.status('daily', `acme-${rig.n}`)]).toEqual([[rig.n], 200]);
  await until(async () => (await rig.sync()).revision === index.revision);
}); // prettier-ignore

test('5,000 endpoints and 5,000 keys fit.', async () => {
  const rig = named('mounted');
  const numbers = Array.from({ length: 5000 }, (_, n) => n);
  const many = [
    ...numbers.map((n) => endpoint(`e${n}`, { description: `Visits ${sha256(String(n))}` })),
    ...numbers.map((n) => apiKey(`k${n}`, { tenant: n % 2 === 0 ? 'acme' : 'beta', endpoints: [`e${n}`] })),
  ];
  const parts = partsOf([visitsDataset(lake.url), ...many], 200);
  for (const bytes of parts.values()) expect(bytes.length).toBeLessThan(512 * 1024);
  await rig.edit(async () => mountParts(rig.way.dir, parts));
  for (const n of [0, 1234, 4999]) {
    expect(await rig.status(`e${n}`, `k${n}`)).toBe(200);
    expect(await rig.status(`e${n}`, `k${(n + 1) % 5000}`)).toBe(404);
  }
  await rig.edit();
});
