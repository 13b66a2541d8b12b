// A client made from the document: types by openapi-typescript, requests by openapi-fetch, checked by tsc, run for real.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { apiKey, endpoint, startWorld, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';

let lake: Lake;
let world: World;
let folder: string;
beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  world = await startWorld([visitsDataset(lake.url), endpoint('daily'), apiKey('acme')]);
  folder = await mkdtemp(join(tmpdir(), 'offloader-client-'));
  const document = (await (await world.admin('/openapi.json')).json()) as Parameters<typeof openapiTS>[0];
  await writeFile(join(folder, 'api.d.ts'), astToString(await openapiTS(document)));
  await symlink(new URL('../../node_modules', import.meta.url).pathname, join(folder, 'node_modules'));
});
afterAll(async () => {
  await world.end();
  await lake.remove();
  await rm(folder, { recursive: true, force: true });
});

const run = promisify(execFile);
/** The client of docs/clients.md. */
const prelude = `import createClient from 'openapi-fetch';
import type { paths } from './api.d.ts';
declare const process: { readonly env: Readonly<Record<'API' | 'OFFLOADER_API_KEY', string>> };
const client = createClient<paths, 'application/json'>({
  baseUrl: process.env.API,
  headers: { Authorization: \`Bearer \${process.env.OFFLOADER_API_KEY}\` },
  querySerializer: { array: { style: 'form', explode: false } },
});
`;

/** What the compiler says of a program that uses the client. */
const compile = async (program: string): Promise<readonly string[]> => {
  const file = join(folder, 'program.mts');
  await writeFile(file, `${prelude}${program}\nexport {};\n`);
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  };
  const made = ts.createProgram([file], options);
  return ts.getPreEmitDiagnostics(made).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
};

const ask = "const { data } = await client.GET('/v1/endpoints/daily', ";

describe('a client generated from /openapi.json', () => {
  test('types the right use: parameters, rows, meta', async () => {
    expect(
      await compile(
        `${ask}{ params: { query: { from: '2026-01-01', limit: 5, columns: ['day', 'visits'] } } });
         const first: number | null | undefined = data?.data[0]?.visits;
         const cursor: string | null | undefined = data?.meta.next_cursor;
         console.log(first, cursor);`,
      ),
    ).toEqual([]);
  });

  test.each([
    ['a parameter that is none', `${ask}{ params: { query: { form: '2026-01-01' } } });`, 'form'],
    ['a column that is none', `${ask}{ params: { query: { columns: ['tenant_id'] } } });`, 'tenant_id'],
    ['a value of another type', `${ask}{ params: { query: { limit: 'five' } } });`, 'string'],
    ['an endpoint that is none', "await client.GET('/v1/endpoints/dialy');", 'dialy'],
    ['a field that no row has', `${ask}{}); console.log(data?.data[0]?.visitors);`, 'visitors'],
  ])('does not compile with %s', async (_what, program, named) => {
    const errors = await compile(program);
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.join('\n')).toContain(named);
  });

  test('asks the gateway: its types hold for what comes back, page by page, and for a refusal', async () => {
    const asking = `
      const rows: { day?: string | null; visits?: number | null }[] = [];
      let cursor: string | null | undefined;
      do {
        const query = { limit: 4, columns: ['day' as const, 'visits' as const], ...(typeof cursor === 'string' ? { cursor } : {}) };
        const { data, error } = await client.GET('/v1/endpoints/daily', { params: { query } });
        if (data === undefined) throw new Error(error.error.message);
        rows.push(...data.data);
        cursor = data.meta.next_cursor;
      } while (cursor !== null);
      const { error, response } = await client.GET('/v1/endpoints/daily', { params: { query: { limit: 0 } } });
      const code: 'invalid_limit' | undefined = error?.error.code === 'invalid_limit' ? error.error.code : undefined;
      const csv = await client.GET('/v1/endpoints/daily', { params: { query: { limit: 2 } }, headers: { Accept: 'text/csv' }, parseAs: 'text' });
      console.log(JSON.stringify({ rows, refusal: [response.status, code, error?.error.param], csv: csv.response.headers.get('content-type') }));`;
    expect(await compile(asking)).toEqual([]);
    // As it was checked: Node.js leaves out the types and runs the rest.
    const environment = { API: `http://127.0.0.1:${world.gateway.apiPort}`, OFFLOADER_API_KEY: 'acme-token' };
    const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', join(folder, 'program.mts')], {
      env: environment,
    });
    const { rows, refusal, csv } = JSON.parse(stdout);
    // Of 1,000 visits on 30 days, acme has those of the even ones: 34 a day on the first ten of the month, 33 on the others.
    const days = Array.from({ length: 15 }, (_, n) => 29 - 2 * n);
    expect(rows).toEqual(days.map((day) => ({ day: `2026-01-${String(day).padStart(2, '0')}`, visits: day <= 10 ? 34 : 33 })));
    expect([refusal, csv]).toEqual([[422, 'invalid_limit', 'limit'], expect.stringMatching(/^text\/csv/)]);
  });
});
