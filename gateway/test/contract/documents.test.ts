// The contract's "Admin port": the documents that describe the API, each by its own sentence.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';

let lake: Lake;
let world: World;
const column = (name: string, type: string) => ({ name, type });
const typed = (params: readonly Record<string, unknown>[]) =>
  endpoint('typed', {
    description: 'Every type of parameter',
    owner: 'web-analytics',
    version: 4,
    freshness: { maxStaleness: '26h' },
    params,
    combinations: [[], ['day'], ['day', 'least']],
    query: {
      select: [
        { as: 'day', column: 'day' },
        { as: 'visits', column: 'visits' },
        { as: 'extra', column: 'extra' },
      ],
      filters: params.map(({ name, type, list }) => ({
        column: type === 'date' ? 'day' : type === 'integer' ? 'visits' : 'area',
        op: list === true ? 'in' : 'eq',
        param: name,
      })),
    },
    columns: ['day', 'visits', 'extra'],
    pagination: { defaultLimit: 7, maxLimit: 70 },
  });
const params = [
  { name: 'day', type: 'date', description: 'the day' },
  { name: 'least', type: 'integer', min: 1, max: 10, default: 3 },
  { name: 'who', type: 'enum', enum: ['acme', 'beta'], aliases: { a: 'acme' }, required: true },
  { name: 'text', type: 'string', minLength: 1, maxLength: 9, pattern: '^[a-z]+$' },
  { name: 'several', type: 'string', list: true },
];
const dataset = () => {
  const made = visitsDataset(lake.url);
  return {
    ...made,
    spec: { ...made.spec, schema: [...(made.spec['schema'] as object[]), column('extra', 'JSON'), column('area', 'VARCHAR')] },
  };
};
const all = (...more: unknown[]) => [dataset(), endpoint('daily'), typed(params), apiKey('acme'), ...more];
const document = async (path: string, accept = 'application/json'): Promise<any> =>
  (await fetch(`http://127.0.0.1:${world.gateway.adminPort}${path}`, { headers: { accept } })).json();
const publish = async (): Promise<void> =>
  lake.publish('a1', `SELECT *, {'a': [1, 2]} AS extra, 'acme' AS area FROM (${visits(1)})`, {
    change: (manifest) => void ((manifest['schema'] as { type: string }[])[3]!.type = 'JSON'),
  });

beforeAll(async () => {
  lake = await createLake();
  await publish();
  world = await startWorld(all());
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

/** What a reference of a document stands for. */
const resolved = (openapi: any, { $ref }: any): any =>
  $ref
    .slice(2)
    .split('/')
    .reduce((at: any, name: string) => at[name], openapi);

const typedParams = ['day', 'least', 'who', 'text', 'several'];

describe('/docs is a page for people (browse, try an endpoint, copy curl, TypeScript and Python snippets); as JSON (Accept) it is the catalogue: service, config_revision, auth{mode,scheme,note}, endpoints sorted by name: name, version, owner, description, method, path, auth{scope,tenant}, params (declared + limit/offset/columns), combinations, pagination, response{columns,…,example}, freshness_minutes, errors[{status,family,when}].', () => {
  test('a browser gets the page, its scripts and its styles, under a policy that runs nothing else', async () => {
    const page = await fetch(`http://127.0.0.1:${world.gateway.adminPort}/docs`, {
      headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
    });
    const text = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none';script-src 'self';style-src 'self'");
    const linked = [...text.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map((match) => match[1]);
    expect(linked).toEqual(['docs/assets/page.css', 'docs/assets/page.js']);
    for (const path of linked) expect((await world.admin(`/${path}`)).status).toBe(200);
  });

  test('the page behind a trailing slash is the same page', async () => {
    expect((await fetch(`http://127.0.0.1:${world.gateway.adminPort}/docs/`, { redirect: 'manual' })).headers.get('location')).toBe(
      '../docs',
    );
  });

  test('/docs/try is the API with its keys, tenants and limits, and no admin path', async () => {
    expect((await world.admin('/docs/try/v1/endpoints/daily')).status).toBe(401);
    const [tried, asked] = [
      await world.admin('/docs/try/v1/endpoints/daily', 'acme-token'),
      await world.get('/v1/endpoints/daily', 'acme-token'),
    ];
    expect([tried.status, tried.headers.get('etag')]).toEqual([200, asked.headers.get('etag')]);
    expect((await world.admin('/docs/try/v1/endpoints/daily?tenant_id=beta', 'acme-token')).status).toBe(422);
    for (const path of ['/docs/try/diagnostics', '/docs/try/metrics', '/docs/try/docs'])
      expect((await world.admin(path, 'acme-token')).status).toBe(404);
  });

  test('the catalogue', async () => {
    const catalogue = await document('/docs');
    expect(catalogue).toMatchObject({
      service: 'offloader',
      config_revision: expect.stringMatching(/^[0-9a-f]{64}$/),
      auth: { mode: 'required', scheme: 'bearer', note: expect.any(String) },
    });
    expect(catalogue.endpoints.map(({ name }: any) => name)).toEqual(['daily', 'typed']);
    const entry = catalogue.endpoints[1];
    expect(entry).toMatchObject({
      version: 4,
      owner: 'web-analytics',
      description: 'Every type of parameter',
      method: 'GET',
      path: '/v1/endpoints/typed',
      auth: { scope: 'key', tenant: true },
      combinations: [[], ['day'], ['day', 'least']],
      pagination: { default_limit: 7, max_limit: 70 },
      freshness_minutes: 1560,
      response: {
        columns: [
          { name: 'day', type: 'DATE', nested: false },
          { name: 'visits', type: 'BIGINT', nested: false },
          { name: 'extra', type: 'JSON', nested: true },
        ],
        example: { data: [{ day: expect.any(String), visits: expect.any(Number), extra: {} }] },
      },
    });
    expect(entry.params.map(({ name }: any) => name)).toEqual([...typedParams, 'limit', 'offset', 'columns', 'cursor']);
    expect(entry.errors).toEqual(
      expect.arrayContaining([expect.objectContaining({ status: 422, family: 'invalid_param', when: expect.any(String) })]),
    );
  });
});

test('/schema: service, config_revision, auth, count, endpoints[{name,version,method,path,description,public,tenant_scoped,params[{name,type,required,enum,default,aliases}],combinations,filters,response_columns[{name,nested}],column_selection,pagination}].', async () => {
  const schema = await document('/schema');
  expect(schema).toMatchObject({ service: 'offloader', config_revision: expect.any(String), auth: 'required', count: 2 });
  expect(schema.endpoints[1]).toMatchObject({
    name: 'typed',
    version: 4,
    method: 'GET',
    path: '/v1/endpoints/typed',
    description: 'Every type of parameter',
    public: false,
    tenant_scoped: true,
    combinations: [[], ['day'], ['day', 'least']],
    response_columns: [
      { name: 'day', nested: false },
      { name: 'visits', nested: false },
      { name: 'extra', nested: true },
    ],
    column_selection: true,
    pagination: { default_limit: 7, max_limit: 70 },
  });
  expect(schema.endpoints[1].params[2]).toEqual({
    name: 'who',
    type: 'enum',
    required: true,
    enum: ['acme', 'beta'],
    default: null,
    aliases: { a: 'acme' },
    list: false,
  });
  expect(schema.endpoints[1].params[3]).toMatchObject({ minLength: 1, maxLength: 9, pattern: '^[a-z]+$' });
  expect(schema.endpoints[1].filters[0]).toEqual({ column: 'day', op: 'eq', param: 'day' });
});

describe('/openapi.json: 3.1, one GET path per endpoint, operationId = name, bearerAuth scheme, query params with enum / format date / required / limit maximum / offset minimum 0, every status with its error schema, typed columns, no security when auth none, effective limits', () => {
  test('says all of it', async () => {
    const openapi = await document('/openapi.json');
    expect([openapi.openapi, Object.keys(openapi.paths)]).toEqual(['3.1.0', ['/v1/endpoints/daily', '/v1/endpoints/typed']]);
    const operation = openapi.paths['/v1/endpoints/typed'].get;
    expect([Object.keys(openapi.paths['/v1/endpoints/typed']), operation.operationId, operation.security]).toEqual([
      ['get'],
      'typed',
      [{ bearerAuth: [] }],
    ]);
    expect(openapi.components.securitySchemes.bearerAuth).toMatchObject({ type: 'http', scheme: 'bearer' });
    const schemas = Object.fromEntries(operation.parameters.map((one: any) => [one.name, { ...one.schema, required: one.required }]));
    expect(schemas).toMatchObject({
      day: { type: 'string', format: 'date', required: false },
      least: { type: 'integer', minimum: 1, maximum: 10, default: 3 },
      who: { enum: ['acme', 'beta', 'a'], required: true },
      text: { type: 'string', minLength: 1, maxLength: 9, pattern: '^[a-z]+$' },
      several: { type: 'array' },
      limit: { minimum: 1, maximum: 70, default: 7 },
      offset: { minimum: 0 },
    });
    for (const status of ['400', '401', '404', '405', '406', '410', '413', '422', '429', '500', '503', '504'])
      expect(resolved(openapi, operation.responses[status]).content['application/json'].schema).toEqual({
        $ref: '#/components/schemas/Error',
      });
    expect(operation.responses['200'].content['application/json'].schema.properties.data.items.properties).toMatchObject({
      day: { type: ['string', 'null'], format: 'date' },
      visits: { type: ['integer', 'null'] },
    });
  });

  test('asks for no key where none is needed', async () => {
    const open = await startWorld([visitsDataset(lake.url), endpoint('daily', { tenant: undefined })], { OFFLOADER_AUTH: 'none' });
    const openapi = (await (await open.admin('/openapi.json')).json()) as any;
    expect([openapi.paths['/v1/endpoints/daily'].get.security, openapi.components.securitySchemes]).toEqual([[], undefined]);
    expect(openapi.paths['/v1/endpoints/daily'].get.responses['401']).toBeUndefined();
    await open.end();
  });

  test('has nothing that a linter finds', async () => {
    const problems = await lintFromString({
      source: await (await world.admin('/openapi.json')).text(),
      absoluteRef: 'openapi.json',
      config: await createConfig({
        extends: ['recommended'],
        // The licence of the data is its owner's to state.
        rules: { 'info-license': 'off' },
      }),
    });
    expect(problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer ?? ''} ${message}`)).toEqual([]);
  });
});

test('These documents follow hot reloads at once. nested=true only for JSON columns.', async () => {
  const revision = (await document('/docs')).config_revision;
  await world.write(all(endpoint('added')));
  await until(async () => (await world.get('/v1/endpoints/added', 'acme-token')).status === 200);
  const [catalogue, schema, openapi] = [await document('/docs'), await document('/schema'), await document('/openapi.json')];
  expect(catalogue.endpoints.map(({ name }: any) => name)).toContain('added');
  expect(schema.endpoints.map(({ name }: any) => name)).toContain('added');
  expect(Object.keys(openapi.paths)).toContain('/v1/endpoints/added');
  expect(catalogue.config_revision).not.toBe(revision);
  const columns = schema.endpoints.flatMap((one: any) => one.response_columns);
  expect(columns.filter(({ nested }: any) => nested).map(({ name }: any) => name)).toEqual(['extra']);
});
