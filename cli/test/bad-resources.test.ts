import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { inProcess } from './run-in-process.ts';
import type { Ran } from './run-offloader.ts';

/** A row of the contract's own table; loaded by URL, since tsc cannot rewrite a relative import into another project. */
type Row = {
  readonly name: string;
  readonly object: { readonly kind: string; readonly metadata: { readonly name: string } };
  readonly code: string;
  readonly path: string;
  readonly beside?: readonly object[];
  readonly auth?: string;
};
const table: { badResources: readonly Row[] } = await import(new URL('../../contract/test/bad-resources.ts', import.meta.url).href);

const folder = await mkdtemp(join(tmpdir(), 'offloader-bad-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const validate = async (row: Row): Promise<Ran> => {
  await writeFile(join(folder, 'resources.yaml'), [...(row.beside ?? []), row.object].map((one) => JSON.stringify(one)).join('\n---\n'));
  return inProcess(['validate', '--config', folder, '--auth', row.auth ?? 'required']);
};

describe('validate refuses', () => {
  test.each(table.badResources.map((row): [string, Row] => [row.name, row]))('%s', async (_name, row) => {
    const ran = await validate(row);
    expect(ran).toMatchObject({ code: 1, out: '' });
    const lines = ran.err.trimEnd().split('\n');
    const place = ['resources.yaml', `${row.object.kind}/${row.object.metadata.name}`, ...(row.path === '' ? [] : [row.path]), row.code];
    expect(lines.map((line) => line.split(': ').slice(0, place.length).join(': '))).toContain(place.join(': '));
    expect(lines.at(-1)).toBe(`${lines.length - 1} ${lines.length === 2 ? 'problem' : 'problems'} found`);
  });
});
