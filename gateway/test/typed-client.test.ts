// A client made from the document: types by openapi-typescript, requests by openapi-fetch, checked by tsc, run for real.
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import openapiTS, { astToString } from 'openapi-typescript';
import createClient from 'openapi-fetch';
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

/** What the compiler says of a program that uses the client. */
const compile = async (program: string): Promise<readonly string[]> => {
  const file = join(folder, 'program.mts');
  await writeFile(
    file,
    `import createClient from 'openapi-fetch';\nimport type { paths } from './api.d.ts';\nconst client = createClient<paths, 'application/json'>({ baseUrl: 'http://gateway' });\n${program}\nexport {};\n`,
  );
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

  test('asks the gateway, pages by cursor and gets typed errors', async () => {
    type Answer = { data: { day: string; visits: number }[]; meta: { next_cursor: string | null } };
    const client = createClient<any>({
      baseUrl: `http://127.0.0.1:${world.gateway.apiPort}`,
      headers: { Authorization: 'Bearer acme-token' },
      querySerializer: { array: { style: 'form', explode: false } },
    });
    const days: string[] = [];
    let cursor: string | null | undefined;
    do {
      const query = { limit: 4, columns: ['day', 'visits'], ...(typeof cursor === 'string' ? { cursor } : {}) };
      const { data } = (await client.GET('/v1/endpoints/daily', { params: { query } })) as { data: Answer };
      days.push(...data.data.map(({ day }) => day));
      cursor = data.meta.next_cursor;
    } while (cursor !== null);
    expect(new Set(days).size).toBe(days.length);
    expect(days.length).toBe(15);
    const { error, response } = (await client.GET('/v1/endpoints/daily', { params: { query: { limit: 0 } } })) as any;
    expect([response.status, error.error.family, error.error.param]).toEqual([422, 'invalid_param', 'limit']);
  });
});
