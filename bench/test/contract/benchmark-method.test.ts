// The section "Benchmark method" of the contract, sentence by sentence: the method itself, run small against a built gateway.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { boot, type Booted, imageCommand, untilReady } from '../../gateway/boot.ts';
import { load } from '../../gateway/load.ts';
import { measure, runMethod } from '../../gateway/method.ts';
import { parseOptions } from '../../gateway/options.ts';
import { offsetOf, type Scenario, scenarios } from '../../gateway/scenarios.ts';
import { figuresOf, type Summary } from '../../gateway/summary.ts';
import { allScenarios, createWorld, filesBelow, type World } from '../../gateway/world.ts';
import { writeSummary } from '../../gateway/write-summary.ts';

const small = { requests: 20, concurrency: [1, 10], remoteScan: true, rows: 4000 };
/** What lay in the cache when a gateway was started, and what it came to. */
type Start = { readonly found: readonly string[]; readonly booted: Booted; asked: number };

const starts: Start[] = [];
let out: string;
let summary: Summary;
let world: World;
let gateway: Booted;

const foundIn = async ({ cacheDir }: World): Promise<readonly string[]> =>
  (await filesBelow(cacheDir).catch(() => [])).map(({ path }) => path.slice(cacheDir.length + 1));

/** Boots as the method does, and notes what there is to know of it. */
const noted: typeof boot = async (where) => {
  const found = await foundIn(where);
  const booted = await boot(where);
  const start: Start = { found, booted, asked: 0 };
  starts.push(start);
  const end = async (): Promise<void> => {
    start.asked ||= await booted.metric('offloader_requests_total');
    await booted.end();
  };
  return { ...booted, end };
};

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'offloader-summary-'));
  summary = await runMethod({ ...small, out, page: null }, undefined, noted);
  world = await createWorld(allScenarios(true), small.rows, 100);
  gateway = await boot(world);
}, 600_000);
afterAll(async () => {
  await gateway.end();
  await world.end();
  await rm(out, { recursive: true });
});

test('Boot on an empty cache, time to /ready 200 (cold_load_ms, poll 100 ms); load; restart on the same cache (warm_load_ms); RSS MB and cache bytes after the load.', async () => {
  const [cold, warm, ...others] = starts;
  expect(others).toEqual([]);
  expect(cold?.found).toEqual([]);
  expect(warm?.found).toContainEqual(expect.stringMatching(/^snapshots\/readings\/[0-9a-f]{12}\/data\.duckdb$/));
  // All of the load came before the restart: each level of each scenario, and the one page that was put into the cache.
  expect([cold?.asked, warm?.asked]).toEqual([3 * 2 * 20 + 1, 0]);
  const { server } = summary;
  expect([server.cold_load_ms, server.warm_load_ms]).toEqual([cold, warm].map((start) => Math.round(start!.booted.readyMs)));
  // Node.js alone takes 30 MB; the rows are 8 bytes and more each.
  expect(server.rss_mb).toBeGreaterThan(30);
  expect(server.rss_mb).toBeLessThan(4096);
  expect(server.cache_disk_bytes).toBeGreaterThan(small.rows * 8);
  // As users run it: what tsc made, by the command of the image.
  const command = await imageCommand();
  expect(command.at(-1)).toMatch(/\/gateway\/dist\/src\/main\.js$/);

  // A restart that finds the cache empty is no warm start.
  let boots = 0;
  const forgetful: typeof boot = async (where) => {
    boots += 1;
    if (boots === 2) await rm(where.cacheDir, { recursive: true });
    return boot(where);
  };
  const once = { requests: 1, concurrency: [1], remoteScan: false, rows: 1000, out, page: null };
  await expect(runMethod(once, undefined, forgetful)).rejects.toThrow('the warm start has loaded again');

  let polls = 0;
  const server503 = createServer((_request, response) => {
    polls += 1;
    response.writeHead(polls < 4 ? 503 : 200).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server503.once('listening', resolve));
  const startedMs = performance.now();
  await untilReady((server503.address() as AddressInfo).port, () => false);
  expect(polls).toBe(4);
  expect(performance.now() - startedMs).toBeGreaterThan(290);
  server503.closeAllConnections();
  server503.close();
});

test('Scenarios × concurrency 1, 10, 50, 100, N requests each (300 default, 5000 deep): local_table (a unique offset each request, so never a cache hit), cache_hit (identical), optional remote_scan.', async () => {
  expect(parseOptions([])).toMatchObject({ requests: 300, concurrency: [1, 10, 50, 100], remoteScan: false });
  expect(parseOptions(['--deep', '--remote-scan'])).toMatchObject({ requests: 5000, concurrency: [1, 10, 50, 100], remoteScan: true });
  expect(allScenarios(false).map(({ name }) => name)).toEqual(['local_table', 'cache_hit']);
  expect(summary.scenarios.map(({ scenario, concurrency, requests, errors }) => [scenario, concurrency, requests, errors])).toEqual([
    ['local_table', 1, 20, 0],
    ['local_table', 10, 20, 0],
    ['cache_hit', 1, 20, 0],
    ['cache_hit', 10, 20, 0],
    ['remote_scan', 1, 20, 0],
    ['remote_scan', 10, 20, 0],
  ]);

  const levels = [0, 1, 2, 3].map((level) => ({ level, levels: 4 }));
  const offsetsOf = (scenario: Scenario): readonly number[] =>
    levels.flatMap((level) => Array.from({ length: 300 }, (_, n) => offsetOf(scenario, level, n)));
  const [unique, identical] = [offsetsOf(scenarios.local_table), offsetsOf(scenarios.cache_hit)];
  expect(new Set(unique).size).toBe(4 * 300);
  expect(new Set(identical).size).toBe(1);
  expect(unique).not.toContain(identical[0]);

  // Whatever came another way than its scenario says has measured something else, and is no figure.
  const urlOf = (offset: number): string => `${gateway.url}readings?offset=${offset}`;
  const run = async (scenario: Scenario, level: number, url = urlOf) =>
    measure(scenario, { level, levels: 4, concurrency: 2 }, 5, { by: 'gateway', urlOf: url }, world.first);
  const { local_table: local, cache_hit: hit, remote_scan: remote } = scenarios;
  await expect(run({ ...local, isUnique: false }, 0)).rejects.toThrow('local_table, offset 0, gateway: meta.cache is hit, not miss');
  await expect(run(hit, 0)).resolves.toMatchObject({ errors: 0 });
  await expect(run({ ...hit, isUnique: true }, 1)).rejects.toThrow('cache_hit, offset 2, gateway: meta.cache is miss, not hit');
  await expect(run(remote, 2)).rejects.toThrow('remote_scan, offset 3, gateway: meta.serving_mode is local_table, not remote_scan');
  await expect(run(local, 3, (offset) => urlOf(offset + 1))).rejects.toThrow('local_table, offset 4, gateway: 50 rows from');
});

test('Report requests, errors, p50/p95/p99/max ms (nearest rank on successes), rps = N/wall.', async () => {
  const answer = (ms: number, status = 200) => ({ status, body: Buffer.alloc(0), ms });
  // Unsorted, and an error that took longer than all of them.
  const hundred = Array.from({ length: 100 }, (_, n) => answer(((n * 37) % 100) + 1));
  const withErrors = figuresOf('local_table', 10, { answers: [...hundred, answer(9999, 503), answer(5555, 0)], wallMs: 500 });
  expect(withErrors).toEqual({
    scenario: 'local_table',
    concurrency: 10,
    requests: 102,
    errors: 2,
    p50_ms: 50,
    p95_ms: 95,
    p99_ms: 99,
    max_ms: 100,
    rps: 204,
  });
  // Nearest rank gives a value that was measured, never one in between.
  const few = figuresOf('cache_hit', 1, { answers: [40, 10, 30, 20].map((ms) => answer(ms)), wallMs: 1000 });
  expect([few.p50_ms, few.p95_ms, few.p99_ms, few.max_ms, few.rps]).toEqual([20, 40, 40, 40, 4]);
  const none = figuresOf('cache_hit', 1, { answers: [answer(1, 503)], wallMs: 1000 });
  expect([none.errors, none.p50_ms, none.max_ms]).toEqual([1, null, null]);

  // Over the wire: every third refused, every tenth broken off.
  let served = 0;
  let most = 0;
  let now = 0;
  const server = createServer((request, response) => {
    const n = Number(request.url?.slice(1));
    served += 1;
    now += 1;
    most = Math.max(most, now);
    setTimeout(() => {
      now -= 1;
      if (n % 10 === 0) return request.socket.destroy();
      return response.writeHead(n % 3 === 0 ? 503 : 200).end('{}');
    }, 5);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const startedMs = performance.now();
  const done = await load((n) => `http://127.0.0.1:${port}/${n}`, { requests: 60, concurrency: 6, token: 'x' });
  const tookMs = performance.now() - startedMs;
  server.close();
  const figures = figuresOf('local_table', 6, done);
  expect([served, most, figures.requests, figures.errors]).toEqual([60, 6, 60, 24]);
  expect(done.answers.every(({ ms }) => ms <= tookMs)).toBe(true);
  expect(done.wallMs).toBeLessThanOrEqual(tookMs);
  expect(figures.rps).toBeCloseTo(60 / (done.wallMs / 1000), 1);
});

test('Output summary.json {generated_at, note, server{cold_load_ms,warm_load_ms,rss_mb,cache_disk_bytes}, scenarios[]} + summary.md table; numbers called relative, not an SLA.', async () => {
  const page = await writeSummary(summary, { out, page: join(out, 'kept.md') });
  const json = JSON.parse(await readFile(join(out, 'summary.json'), 'utf8')) as Summary;
  expect(json).toEqual(summary);
  expect(Object.keys(json)).toEqual(['generated_at', 'note', 'server', 'scenarios']);
  expect(new Date(json.generated_at).toISOString()).toBe(json.generated_at);
  expect(Object.keys(json.server)).toEqual(['cold_load_ms', 'warm_load_ms', 'rss_mb', 'cache_disk_bytes']);
  expect(Object.values(json.server).every(Number.isFinite)).toBe(true);
  for (const one of json.scenarios) {
    const { scenario, concurrency, requests, errors, p50_ms, p95_ms, p99_ms, max_ms, rps, bare_rps, of_bare } = one;
    // In this order lie a spread's values, whatever they are.
    expect([p50_ms, p95_ms, p99_ms, max_ms]).toEqual([p50_ms, p95_ms, p99_ms, max_ms].toSorted((a, b) => a! - b!));
    expect(p50_ms).toBeGreaterThan(0);
    expect(of_bare).toBeCloseTo(rps / bare_rps, 1);
    const cells = [scenario, concurrency, requests, errors, p50_ms, p95_ms, p99_ms, max_ms, rps, bare_rps, of_bare];
    expect(page).toContain(`\n| ${cells.join(' | ')} |\n`);
  }
  for (const text of [json.note, page]) expect(text).toMatch(/Relative figures, not an SLA/);
  for (const value of Object.values(json.server)) expect(page).toContain(` ${value} `);
  expect(await Promise.all(['summary.md', 'kept.md'].map(async (name) => readFile(join(out, name), 'utf8')))).toEqual([page, page]);
});
