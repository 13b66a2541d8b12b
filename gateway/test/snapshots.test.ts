// The lifecycle of snapshots over real files, a real loader process and a real DuckDB.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CompiledDataset, DatasetReport } from '@offloader/contract';
import type { Engine } from '../src/domain/engine.ts';
import type { Snapshots } from '../src/domain/snapshot-store.ts';
import { createEngine } from '../src/duckdb/engine.ts';
import { openStore } from '../src/object-store/open.ts';
import { createSnapshots } from '../src/snapshots/snapshots.ts';
import { createLake, datasetOf, type Lake, visits } from './support/lake.ts';

let cacheDir: string;
let lake: Lake;
let engine: Engine;
let snapshots: Snapshots;

const open = async (operatorGoneMs = 0, now = Date.now): Promise<void> => {
  engine = await createEngine({ cacheDir, poolSize: 8, remoteScanConcurrency: 8, threads: 2, memoryLimit: '512MiB' });
  snapshots = await createSnapshots({
    cacheDir,
    engine,
    openStore,
    observe: () => undefined,
    limits: { memoryLimit: '512MiB', threads: 1 },
    loadConcurrency: 2,
    quarantine: { maxBytes: 2 ** 30, maxAgeMs: 86_400_000 },
    operatorGoneMs,
    now,
    random: () => 0.5,
  });
};
const close = async (): Promise<void> => {
  await snapshots.close();
  await engine.close();
};
const report = (): DatasetReport => snapshots.reports(Date.now())[0]!;
const activeId = (): string | undefined => report().active_snapshot?.snapshot_id;
const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
};
/** Every distinct value of `visits`, which carries the snapshot's number, with the id of the Serving that answered. */
const answer = async (): Promise<{ id: string; values: number[] }> => {
  const serving = snapshots.state.servings().get('visits')!;
  const lease = snapshots.state.lease(serving);
  try {
    const text = `SELECT DISTINCT visits::INTEGER FROM ${serving.relations.LocalTable ?? serving.relations.RemoteScan ?? ''}`;
    const result = await engine.query(
      { text, values: [] },
      { mode: 'LocalTable', signal: new AbortController().signal, timeoutMs: 10_000 },
      async ({ chunks }) => {
        const values: number[] = [];
        for await (const chunk of chunks) values.push(...chunk.map((row) => Number(row[0])));
        return values;
      },
    );
    if (!result.ok) throw new Error(JSON.stringify(result.error));
    return { id: serving.snapshotId, values: result.value.value };
  } finally {
    lease.release();
  }
};
const start = async (dataset: CompiledDataset): Promise<void> => {
  snapshots.configure([dataset], {});
  await snapshots.firstPass();
};
const error = (): unknown => report().refresh_errors.map(({ code, path, owner }) => ({ code, path, owner }));

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'offloader-cache-'));
  lake = await createLake();
  await open();
});
afterEach(async () => {
  await close();
  await lake.remove();
  await rm(cacheDir, { recursive: true, force: true });
});

describe('a snapshot', () => {
  test('is loaded from Parquet, verified and served', async () => {
    await lake.publish('a1', visits(1));
    await start(datasetOf(lake.url));
    expect(await answer()).toEqual({ id: 'a1', values: [1] });
    expect(report()).toMatchObject({
      active_snapshot: { snapshot_id: 'a1', rows: 1000 },
      last_attempted: { status: 'ok', snapshot_id: 'a1' },
      source_reachable: true,
      manifest_valid: true,
      refresh_error: null,
    });
  });

  test('is loaded from CSV, text staying as it is', async () => {
    await lake.publish('a1', `SELECT '00123' AS tenant_id, DATE '2026-01-01' AS day, 5::BIGINT AS visits`, { format: 'csv' });
    await start(datasetOf(lake.url));
    const { relations } = snapshots.state.servings().get('visits')!;
    const rows = await engine.query(
      { text: `SELECT tenant_id FROM ${relations.LocalTable!}`, values: [] },
      { mode: 'LocalTable', signal: new AbortController().signal, timeoutMs: 9000 },
      async ({ chunks }) => {
        for await (const chunk of chunks) return chunk;
        return [];
      },
    );
    expect(rows).toMatchObject({ ok: true, value: { value: [['00123']] } });
  });

  test('under remote_scan only is not materialised and gives the same rows', async () => {
    await lake.publish('a1', visits(7));
    const dataset = { ...datasetOf(lake.url), modes: ['RemoteScan' as const] };
    await start(dataset);
    expect(Object.keys(snapshots.state.servings().get('visits')!.relations)).toEqual(['RemoteScan']);
    expect(await answer()).toEqual({ id: 'a1', values: [7] });
  });

  test('with the id that serves changes nothing, whatever its content', async () => {
    await lake.publish('a1', visits(1));
    await start(datasetOf(lake.url));
    await lake.publish('a1', visits(2));
    await snapshots.refresh('visits', { force: false });
    expect(report().last_attempted?.status).toBe('unchanged');
    expect(await answer()).toEqual({ id: 'a1', values: [1] });
    await snapshots.refresh('visits', { force: true });
    expect(await answer()).toEqual({ id: 'a1', values: [2] });
  });
});

describe('bad data never serves, and what served still serves', () => {
  const lies: readonly (readonly [string, (manifest: any) => void, unknown])[] = [
    ['a row count that is not true', (m) => (m.row_count = m.files[0].row_count = 999), [{ code: 'row_count_mismatch', path: 'files[0].row_count', owner: 'UpstreamData' }, { code: 'row_count_mismatch', path: 'row_count', owner: 'UpstreamData' }]],
    ['a size that is not true', (m) => (m.files[0].size_bytes = Number(m.files[0].size_bytes) + 1), [{ code: 'size_mismatch', path: 'files[0].size_bytes', owner: 'UpstreamData' }]],
    ['a file that is not there', (m) => (m.files[0].path = 'snapshots/a2/other.parquet'), [{ code: 'missing_file', path: 'files[0].path', owner: 'UpstreamData' }]],
    ['a path that leads out', (m) => (m.files[0].path = '../../etc/passwd'), [{ code: 'root_not_allowed', path: 'files[0].path', owner: 'UpstreamData' }]],
    ['a narrowed column', (m) => (m.schema[2].type = 'INTEGER'), [{ code: 'incompatible_schema', path: 'schema[2].type', owner: 'UpstreamData' }]],
    ['failed quality', (m) => (m.data_quality_status = 'failed'), [{ code: 'quality_failed', path: 'data_quality_status', owner: 'UpstreamData' }]],
    ['four defects at once', (m) => Object.assign(m, { snapshot_id: 'a b', schema: [{ name: 'a', type: 'DATE' }, { name: 'a', type: 'FLOAT' }], producer: null }), [
      { code: 'missing', path: 'producer', owner: 'UpstreamData' },
      { code: 'invalid_snapshot_id', path: 'snapshot_id', owner: 'UpstreamData' },
      { code: 'unsupported_type', path: 'schema[1].type', owner: 'UpstreamData' },
      { code: 'duplicate_column', path: 'schema[1].name', owner: 'UpstreamData' },
    ]],
  ]; // prettier-ignore

  test.each(lies)('a manifest with %s is told and not loaded', async (_what, change, expected) => {
    await lake.publish('a1', visits(1));
    await start(datasetOf(lake.url));
    await lake.publish('a2', visits(2), { change });
    await snapshots.refresh('visits', { force: false });
    expect(error()).toEqual(expected);
    expect(await answer()).toEqual({ id: 'a1', values: [1] });
  });

  test('a corrupt Parquet file fails the attempt', async () => {
    await lake.publish('a1', visits(1));
    await start(datasetOf(lake.url));
    await lake.publish('a2', visits(2));
    const bytes = Number((await lake.readManifest())['size_bytes']);
    await writeFile(lake.fileOf('a2'), Buffer.alloc(bytes, 7));
    await snapshots.refresh('visits', { force: false });
    expect(report().last_attempted).toMatchObject({ status: 'failed', snapshot_id: 'a2' });
    expect(error()).toEqual([{ code: 'corrupt_file', path: 'files[0]', owner: 'UpstreamData' }]);
    expect(await answer()).toEqual({ id: 'a1', values: [1] });
  });

  test('a value that does not fit its type rejects the snapshot and names file and column', async () => {
    await lake.publish('a1', visits(1));
    await start(datasetOf(lake.url));
    await lake.publish('a2', `SELECT 'x' AS tenant_id, DATE '2026-01-01' AS day, 'many' AS visits`, {
      format: 'csv',
      change: (m) => ((m['schema'] as { type: string }[])[2]!.type = 'BIGINT'),
    });
    await snapshots.refresh('visits', { force: false });
    expect(report().last_attempted?.status).toBe('rejected');
    expect(report().refresh_error?.message).toMatch(/^file part-0.csv, column visits: a value does not fit the declared type; /);
    expect(await answer()).toEqual({ id: 'a1', values: [1] });
  });

  test('guards hold back fewer rows and an older watermark', async () => {
    const dataset = datasetOf(lake.url, { guards: { maxRowDropPercent: 50 } });
    await lake.publish('a1', visits(1));
    await start(dataset);
    await lake.publish('a2', visits(2, 100), { watermark: '2020-01-01T00:00:00Z' });
    await snapshots.refresh('visits', { force: false });
    expect(error()).toEqual([
      { code: 'guard_row_drop', path: 'row_count', owner: 'UpstreamData' },
      { code: 'guard_older_watermark', path: 'watermark', owner: 'UpstreamData' },
    ]);
    expect(activeId()).toBe('a1');
  });

  test('a failed attempt leaves no file behind', async () => {
    await lake.publish('a1', visits(1));
    await start(datasetOf(lake.url));
    await lake.publish('a2', visits(2), { change: (m) => (m['row_count'] = 1) });
    await snapshots.refresh('visits', { force: false });
    expect(await readdir(join(cacheDir, 'snapshots', 'visits'))).toHaveLength(1);
  });
});

describe('a swap under load', () => {
  test('fails no query and mixes no two snapshots', async () => {
    await lake.publish('a1', visits(1));
    await start(datasetOf(lake.url));
    let isOver = false;
    const mixed: unknown[] = [];
    const readers = Array.from({ length: 6 }, async () => {
      let count = 0;
      while (!isOver) {
        const { id, values } = await answer();
        count += 1;
        if (values.length !== 1 || id !== `a${values[0]!}`) mixed.push({ id, values });
      }
      return count;
    });
    for (const n of [2, 3, 4, 5]) {
      await lake.publish(`a${n}`, visits(n));
      await snapshots.refresh('visits', { force: false });
      expect(activeId()).toBe(`a${n}`);
    }
    isOver = true;
    const counts = await Promise.all(readers);
    expect(mixed).toEqual([]);
    expect(Math.min(...counts)).toBeGreaterThan(4);
    await until(() => report().kept.length === 1);
  });
});

describe('coordinated activation', () => {
  test('a loaded snapshot waits for the release while an operator is about, and goes live with it', async () => {
    await close();
    await open(60_000);
    await lake.publish('a1', visits(1));
    snapshots.operatorSeen();
    await start(datasetOf(lake.url));
    expect(activeId()).toBe('a1');
    await lake.publish('a2', visits(2));
    await snapshots.refresh('visits', { force: false });
    expect(report()).toMatchObject({ staged: 'a2', active_snapshot: { snapshot_id: 'a1' } });
    const dataset = datasetOf(lake.url);
    snapshots.configure([{ ...dataset, snapshot: { ...dataset.snapshot, release: 'a2' } }], {});
    expect(await answer()).toEqual({ id: 'a2', values: [2] });
    expect(report().staged).toBeNull();
  });

  test('a clock that is set forward makes no operator gone', async () => {
    await close();
    let offsetMs = 0;
    await open(60_000, () => Date.now() + offsetMs);
    await lake.publish('a1', visits(1));
    snapshots.operatorSeen();
    await start(datasetOf(lake.url));
    offsetMs = 3_600_000;
    await lake.publish('a2', visits(2));
    await snapshots.refresh('visits', { force: false });
    expect(report()).toMatchObject({ staged: 'a2', active_snapshot: { snapshot_id: 'a1' } });
  });
});

describe('a change of schema', () => {
  test('is blue-green: the old layout serves until the new one is built', async () => {
    await lake.publish('a1', visits(1));
    await start(datasetOf(lake.url));
    const wider = datasetOf(lake.url, {
      schema: [
        { name: 'tenant_id', type: 'VARCHAR' },
        { name: 'visits', type: 'BIGINT' },
      ],
    });
    snapshots.configure([wider], {});
    expect(snapshots.state.servings().get('visits')!.layout).not.toBe(wider.layout);
    await until(() => report().layout === wider.layout);
    expect(await answer()).toEqual({ id: 'a1', values: [1] });
    expect(report().kept).toEqual([]);
  });
});

describe('datasets side by side', () => {
  test('a broken one holds up no other, and a removed one loses its files', async () => {
    await lake.publish('a1', visits(1));
    const broken = datasetOf('file:///nowhere/manifest.json', {}, [], 'broken');
    snapshots.configure([broken, datasetOf(lake.url)], {});
    await snapshots.firstPass();
    expect(snapshots.reports(Date.now()).map(({ dataset, last_attempted }) => [dataset, last_attempted?.status])).toEqual([
      ['broken', 'rejected'],
      ['visits', 'ok'],
    ]);
    snapshots.configure([broken], {});
    expect(snapshots.state.servings().size).toBe(0);
    const folder = join(cacheDir, 'snapshots', 'visits');
    for (let left = await readdir(folder); left.length > 0; left = await readdir(folder))
      await new Promise((resolve) => setTimeout(resolve, 10));
  });
});
