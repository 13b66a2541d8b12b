import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { commands } from '../src/commands.ts';
import { runProgram } from '../src/program.ts';

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

/** The real command, in this process: hundreds of rows would be minutes of starting Node.js. */
const validate = async (row: Row): Promise<{ code: number; out: string[]; err: string[] }> => {
  await writeFile(join(folder, 'resources.yaml'), [...(row.beside ?? []), row.object].map((one) => JSON.stringify(one)).join('\n---\n'));
  const ran = { code: -1, out: [] as string[], err: [] as string[] };
  await runProgram('offloader', '', commands, {
    argv: ['validate', '--config', folder, '--auth', row.auth ?? 'required'],
    context: {
      out: (line) => ran.out.push(line),
      err: (line) => ran.err.push(line),
      env: {},
      exit: (code) => {
        ran.code = code;
      },
    },
  });
  return ran;
};

describe('validate refuses', () => {
  test.each(table.badResources.map((row): [string, Row] => [row.name, row]))('%s', async (_name, row) => {
    const ran = await validate(row);
    expect(ran).toMatchObject({ code: 1, out: [] });
    const place = ['resources.yaml', `${row.object.kind}/${row.object.metadata.name}`, ...(row.path === '' ? [] : [row.path]), row.code];
    expect(ran.err.map((line) => line.split(': ').slice(0, place.length).join(': '))).toContain(place.join(': '));
    expect(ran.err.at(-1)).toBe(`${ran.err.length - 1} ${ran.err.length === 2 ? 'problem' : 'problems'} found`);
  });
});
