/** The contract's section "The three kinds": what validate, a standalone gateway and the operator find, and how they tell it. */
import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { installCrds, openWorld, startApiServer } from '../cluster-world.ts';
import type { ApiServer, World } from '../cluster-world.ts';
import { inProcess } from '../run-in-process.ts';
import { inFolder } from '../run-offloader.ts';
import { newFolder, serve, until } from '../served.ts';
import type { Refused } from '../served.ts';

type Object = { readonly kind: string; readonly metadata: { readonly name: string }; readonly spec: object };
/** A row of the contract's own table; loaded by URL, since tsc cannot rewrite a relative import into another project. */
type Row = {
  readonly object: Object;
  readonly code: string;
  readonly path: string;
  readonly beside?: readonly Object[];
  readonly refusal?: string;
  readonly auth?: string;
};
const table: { badResources: readonly Row[] } = await import(new URL('../../../contract/test/bad-resources.ts', import.meta.url).href);

const strings = (value: unknown, change: (text: string) => string): unknown => {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => strings(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, strings(held, change)]));
};
/** The row with names and hashes that no other row has, so that all of them fit one folder and one namespace. */
const apart = (row: Row, n: number): Row => {
  const names = new Set([row.object, ...(row.beside ?? [])].map(({ metadata }) => metadata.name));
  const hash = createHash('sha256').update(String(n)).digest('hex');
  const { object, beside } = strings({ object: row.object, beside: row.beside ?? [] }, (text) =>
    names.has(text) ? `${text}${String(n)}` : text === 'a'.repeat(64) ? hash : text,
  ) as Required<Pick<Row, 'object' | 'beside'>>;
  return { ...row, object, beside };
};
// One gateway is either public or not: these are rows of one that is not.
const rows = table.badResources.filter(({ auth }) => auth === undefined).map(apart);
/** As `Kind/name path code`. */
const expected = (of: readonly Row[]): readonly string[] =>
  of.map(({ object, path, code }) => [`${object.kind}/${object.metadata.name}`, path, code].join(' ')).toSorted();
const forTheOperator = rows.filter(({ refusal }) => refusal === undefined);

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

there('the rules', () => {
  const api = server as ApiServer;
  let folder: string;
  let world: World;

  beforeAll(async () => {
    folder = await newFolder();
    await mkdir(join(folder, 'resources'));
    await mkdir(join(folder, 'for-the-operator'));
    const text = (of: readonly Row[]): string =>
      of.flatMap(({ object, beside = [] }) => [...beside, object].map((one) => JSON.stringify(one))).join('\n---\n');
    await writeFile(join(folder, 'resources/all.yaml'), text(rows));
    await writeFile(join(folder, 'for-the-operator/all.yaml'), text(forTheOperator));
    await installCrds(api.kubeconfig);
    world = await openWorld(api.kubeconfig, 'three-kinds');
  });
  afterAll(async () => {
    await world.close();
    await api.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const byValidate = async (of: string): Promise<readonly string[]> => {
    const { err } = await inProcess(['validate', '--config', join(folder, of)]);
    const lines = err.split('\n').filter((line) => line.startsWith('all.yaml: '));
    return lines
      .map((line) => /^all\.yaml: (\S+): (?:(\S+): )?([a-z_]+): /.exec(line)?.slice(1).filter(Boolean).join(' ') ?? line)
      .toSorted();
  };
  const byStandalone = async (of: string): Promise<readonly string[]> => {
    const { code, log } = (await serve(join(folder, of), join(folder, 'cache'))) as Refused;
    expect(code).toBe(1);
    // Told in the log and once more as the reason to end.
    const told = log.matchAll(/(?:Dataset|Endpoint|ApiKey)\/\S+ (?:spec|metadata)\S* [a-z_]+(?=: )/g);
    return [...new Set([...told].map(([finding]) => finding))].toSorted();
  };
  const byOperator = async (of: readonly Row[]): Promise<readonly string[]> => {
    for (const { object, beside = [] } of of) for (const { kind, metadata, spec } of [...beside, object]) await world.apply(kind, metadata.name, spec);
    await world.startOperator();
    const found: string[] = [];
    for (const { object: { kind, metadata: { name } } } of of) {
      let stalled: any;
      await until(`${kind} ${name} to be judged`, async () => {
        const { status } = await world.get(kind, name);
        stalled = status.conditions?.find(({ type }: any) => type === 'Stalled');
        return stalled !== undefined;
      });
      for (const [, path = '', code = ''] of (stalled.message as string).matchAll(/(?:^|; )(spec\S*): .*? \[([a-z_]+)\]/g)) found.push(`${kind}/${name} ${path} ${code}`);
    }
    return found.toSorted();
  }; // prettier-ignore

  test('The same rules, from the same source, hold in `offloader validate`, in the operator and in standalone mode.', async () => {
    const all = await byValidate('resources');
    expect(all).toEqual(expect.arrayContaining([...expected(rows)]));
    expect(await byStandalone('resources')).toEqual(all);
    // The others never reach the operator: the API server refuses them.
    const some = await byValidate('for-the-operator');
    expect(some.length).toBeGreaterThan(40);
    expect(await byOperator(forTheOperator)).toEqual(some);
  });
});

test('Findings carry file or object, field path, stable code, message, optional hint; one pass reports them all.', () =>
  inFolder(async (folder) => {
    const resource = (kind: string, name: string, spec: object): string =>
      JSON.stringify({ apiVersion: 'offloader.dev/v1alpha1', kind, metadata: { name }, spec });
    await mkdir(join(folder, 'keys'));
    await writeFile(join(folder, 'broken.yaml'), 'kind: [');
    await writeFile(join(folder, 'data.yaml'), resource('Dataset', 'visits', { schema: [{ name: 'a b', type: 'FLOAT' }], ownr: 'me' }));
    await writeFile(
      join(folder, 'keys/keys.yaml'),
      `${resource('ApiKey', 'acme', { endpoints: ['nope'], hash: 'a'.repeat(64) })}\n---\n${resource('ApiKey', 'beta', { endpoints: [] })}`,
    );
    const { code, err } = await inProcess(['validate', '--config', folder]);
    expect(code).toBe(1);
    const lines = err.trimEnd().split('\n');
    expect(lines.slice(1)).toEqual([
      'data.yaml: Dataset/visits: spec.ownr: unknown_field: is not a field of this kind (remove it or correct its spelling)',
      expect.stringMatching(/^data\.yaml: Dataset\/visits: spec\.schema\[0\]\.name: unsafe_identifier: \S.+/),
      'data.yaml: Dataset/visits: spec.schema[0].type: unsupported_type: must be one of DATE, TIMESTAMP, VARCHAR, INTEGER, BIGINT, DOUBLE, BOOLEAN, JSON',
      'data.yaml: Dataset/visits: spec.source: missing: is required (add it)',
      expect.stringMatching(/^keys\/keys\.yaml: ApiKey\/beta: spec\.endpoints: invalid_value: \S.+/),
      'keys/keys.yaml: ApiKey/acme: spec.endpoints[0]: unknown_endpoint: there is no endpoint nope; create it or correct the name',
      '7 problems found',
    ]);
    expect(lines[0]).toMatch(/^broken\.yaml: line 1: invalid_yaml: \S.+/);
    // A gateway that starts from the same folder tells them all as well, hints too.
    const { log } = (await serve(folder, join(folder, 'cache'))) as Refused;
    expect(log).toContain('broken.yaml invalid_yaml: ');
    for (const line of lines.slice(1, -1)) {
      const [, object = '', path = '', found = '', message = ''] = /^\S+: (\w+\/\w+): (\S+): ([a-z_]+): (.*)$/.exec(line) ?? [];
      expect(log).toContain(`${object} ${path} ${found}: ${message}`);
    }
  }));
