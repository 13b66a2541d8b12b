// The contract's "Environment and boot", as far as it speaks of what a process refuses and says. What each variable does is in
// environment-settings.test.ts, what is said of images in container.test.ts and image-rollback.test.ts.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseSettings, settingsTable } from '../../src/settings.ts';
import { apiKey, endpoint, secretKeyBase, visitsDataset } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { requiring } from '../support/linux.ts';
import { command, type GatewayProcess, runToEnd, startProcess } from '../support/process.ts';

let folder: string;
let lake: Lake;
const configDir = (): string => join(folder, 'config');
/** Enough to start with. */
const enough = (): Record<string, string> => ({
  OFFLOADER_SECRET_KEY_BASE: secretKeyBase,
  OFFLOADER_CONFIG: configDir(),
  OFFLOADER_CACHE_DIR: join(folder, 'cache'),
  OFFLOADER_API_PORT: '0',
  OFFLOADER_ADMIN_PORT: '0',
});
const resources = () => [visitsDataset(lake.url), endpoint('daily', { pagination: { defaultLimit: 10, maxLimit: 30 } }), apiKey('acme')];
const ask = async (port: number, path: string, token: string | null = 'acme-token', headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: token === null ? headers : { authorization: `Bearer ${token}`, ...headers } });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-environment-'));
  await mkdir(configDir());
  lake = await createLake();
  await lake.publish('a1', visits(1));
});
afterAll(async () => {
  await lake.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Ended without having served, with one line. */
const refusal = async (environment: Record<string, string>, under: readonly string[] = []): Promise<string> => {
  const { code, output } = await runToEnd({ ...enough(), ...environment }, under);
  expect([code, output.trimEnd().split('\n').length]).toEqual([1, 1]);
  return output.trimEnd();
};

describe('Required: OFFLOADER_SECRET_KEY_BASE (at least 32 bytes; signs cursors and ETags) and OFFLOADER_CONFIG, both readable; otherwise the process exits non-zero within a second with one line that names the variable and the fix.', () => {
  test.each<[string, Record<string, string>]>([
    ['OFFLOADER_SECRET_KEY_BASE is missing; set it to at least 32 random bytes: openssl rand -hex 32', { OFFLOADER_SECRET_KEY_BASE: '' }],
    ['OFFLOADER_SECRET_KEY_BASE must have at least 32 bytes; make one with: openssl rand -hex 32', { OFFLOADER_SECRET_KEY_BASE: 'q'.repeat(31) }],
    ['OFFLOADER_CONFIG is missing; set it to a folder of manifests or to the mounted configuration', { OFFLOADER_CONFIG: '' }],
    ['OFFLOADER_CONFIG names a folder that does not exist or cannot be read', { OFFLOADER_CONFIG: '/no/such/folder' }],
    ['OFFLOADER_CONFIG names a folder that does not exist or cannot be read', { OFFLOADER_CONFIG: process.execPath }],
  ])('%s: %j', async (line, wrong) => {
    expect(await refusal(wrong)).toBe(line);
  }); // prettier-ignore

  requiring('proc').test('a folder of somebody else', async () => {
    const hidden = join(folder, 'hidden');
    await mkdir(hidden);
    await chmod(hidden, 0);
    // Root may read everything, unless that is taken from it.
    const under = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];
    expect(await refusal({ OFFLOADER_CONFIG: hidden }, under)).toContain('OFFLOADER_CONFIG names a folder that');
  });

  test('32 bytes are enough', async () => {
    expect(parseSettings({ ...enough(), OFFLOADER_SECRET_KEY_BASE: 'é'.repeat(16) })).toMatchObject({ ok: true });
  });

  test('within as long as a second is where Node.js takes 25 ms to start', async () => {
    const timed = (work: () => unknown): number => {
      const start = process.hrtime.bigint();
      work();
      return Number(process.hrtime.bigint() - start);
    };
    // Side by side, so that whatever else the machine does slows both; the best of each.
    const [refused, bare]: [number[], number[]] = [[], []];
    const { OFFLOADER_CONFIG: _gone, ...env } = enough();
    for (let turn = 0; turn < 3; turn += 1) {
      bare.push(timed(() => spawnSync(process.execPath, ['-e', '0'])));
      refused.push(timed(() => spawnSync(command[0]!, command.slice(1), { env })));
    }
    expect(Math.min(...refused) / Math.min(...bare)).toBeLessThan(1000 / 25);
  });

  test('cursors and ETags hold wherever the secret is the same, and nowhere else', async () => {
    const of = async (secret: string) => startProcess(resources(), { OFFLOADER_SECRET_KEY_BASE: secret });
    const [one, same, other] = await Promise.all([of(secretKeyBase), of(secretKeyBase), of('another secret that is long enough for it')]);
    const first = '/v1/endpoints/daily';
    const { meta } = (await (await ask(one.apiPort, first)).json()) as { meta: { next_cursor: string } };
    const next = `${first}?cursor=${meta.next_cursor}`;
    const etag = (await ask(one.apiPort, first)).headers.get('etag')!;
    const revalidated = async ({ apiPort }: GatewayProcess) => (await ask(apiPort, first, 'acme-token', { 'if-none-match': etag })).status;
    for (const gateway of [one, same]) expect([(await ask(gateway.apiPort, next)).status, await revalidated(gateway)]).toEqual([200, 304]);
    expect([(await ask(other.apiPort, next)).status, await revalidated(other)]).toEqual([422, 200]);
    for (const gateway of [one, same, other]) await gateway.end();
  });
});

describe("Non-numeric or ≤0 tuning values are refused at boot with the variable's name and the values it takes.", () => {
  const tuning = Object.values(settingsTable)
    .map(({ env }) => env)
    .filter((env) => /_(SIZE|CONCURRENCY|THREADS|ENTRIES|BYTES|LIMIT|TIMEOUT|DELAY|AGE)$/.test(env));
  test('all of them are known by their names', () => {
    expect(tuning.length).toBe(Object.values(settingsTable).filter(({ fallback }) => typeof fallback === 'number' && fallback !== 4000 && fallback !== 4001).length + 2);
  }); // prettier-ignore

  test.each(tuning)('%s', (name) => {
    const bad = ['many', '0', '-1', '-0', '0x10', '1e3', 'NaN', 'Infinity', ' 4', '4 ', '1,5', '0MiB', '-1MiB', '0s', '-5s', '٣'];
    const said = bad.map((value) => parseSettings({ ...enough(), [name]: value }));
    expect(said).toEqual(bad.map(() => ({ ok: false, error: expect.stringMatching(new RegExp(`^${name} takes an? (integer from 1 to \\d+|duration above 0: .*250ms, 5s, 2m|size such as 512MiB or 2GiB)$`)) })));
  }); // prettier-ignore

  test.each([
    ['OFFLOADER_POOL_SIZE', 'many', 'takes an integer from 1 to 1024'],
    ['OFFLOADER_CACHE_MAX_BYTES', '0', `takes an integer from 1 to ${Number.MAX_SAFE_INTEGER}`],
    ['OFFLOADER_QUERY_TIMEOUT', '-1', 'takes a duration above 0: seconds as a number, or 250ms, 5s, 2m'],
    ['OFFLOADER_DUCKDB_MEMORY_LIMIT', '0GiB', 'takes a size such as 512MiB or 2GiB'],
    ['OFFLOADER_AUTH', 'open', 'takes one of required, none'],
  ])('by the process, in one line: %s=%s', async (name, value, takes) => {
    expect(await refusal({ [name]: value })).toBe(`${name} ${takes}`);
  });
});

describe('One log line at boot says which port is API and which is admin.', () => {
  test('and it is true', async () => {
    const gateway = await startProcess(resources());
    const said = gateway.lines.map((line) => JSON.parse(line) as { message: string }).filter(({ message }) => /\bport\b/.test(message));
    expect(said.map(({ message }) => message)).toEqual([`API on port ${gateway.apiPort}, admin on port ${gateway.adminPort}`]);
    const statuses = [gateway.apiPort, gateway.adminPort].map(async (port) => [(await ask(port, '/healthz', null)).status, (await ask(port, '/live', null)).status]);
    expect(await Promise.all(statuses)).toEqual([[200, 404], [404, 200]]);
    await gateway.end();
  }); // prettier-ignore

  test.each(['OFFLOADER_API_PORT', 'OFFLOADER_ADMIN_PORT'])('one that somebody else has is told by its variable: %s', async (name) => {
    const other: Server = createServer().listen(0);
    await once(other, 'listening');
    const port = String((other.address() as AddressInfo).port);
    expect(await refusal({ [name]: port })).toBe(`${name} ${port} is in use by another process; set another port, or free this one`);
    other.close();
  });
});

test('An invalid first configuration makes it exit non-zero with the findings.', async () => {
  const bad = join(folder, 'bad');
  await mkdir(bad);
  await writeFile(
    join(bad, 'bad.yaml'),
    'apiVersion: offloader.dev/v1alpha1\nkind: Dataset\nmetadata: {name: d}\nspec: {source: {}, schema: [{name: a b, type: FLOAT}]}\n',
  );
  const { code, output } = await runToEnd({ ...enough(), OFFLOADER_CONFIG: bad });
  expect(code).toBe(1);
  expect(output).toContain('spec.schema[0].name unsafe_identifier');
  expect(output).toContain('spec.schema[0].type unsupported_type');
});
