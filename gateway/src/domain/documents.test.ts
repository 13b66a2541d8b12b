import { describe, expect, test } from '@jest/globals';
import { bundleOf, dataset, endpointOf, liveOf, plainEndpoint } from '../../test/support/compiled.ts';
import { edgeOf } from './answer-headers.ts';
import { catalogDocument } from './catalog.ts';
import { openapiDocument } from './openapi.ts';
import { schemaDocument } from './schema-document.ts';

const endpoint = endpointOf({
  name: 'account_daily',
  version: 3,
  owner: 'growth-team',
  description: 'Visits per day',
  freshness: { maxStaleness: '26h' },
  tenant: { column: 'tenant_id' },
  params: [
    { name: 'area', type: 'enum', enum: ['web', 'store'], aliases: { shop: 'store' }, required: true },
    { name: 'from', type: 'date', default: '2026-01-01' },
    { name: 'days', type: 'date', list: true },
  ],
  combinations: [['area'], ['area', 'from']],
  query: {
    select: [
      { as: 'day', column: 'day' },
      { as: 'extra', column: 'extra' },
      { as: 'big', column: 'big' },
    ],
    filters: [{ column: 'area', op: 'eq', param: 'area' }],
  },
  pagination: { defaultLimit: 50, maxLimit: 500 },
  deprecation: { since: '2026-10-01', successor: 'account_daily_v2' },
});
const first = endpointOf({ name: 'a_first' });
const live = liveOf([endpoint, first]);
const open = liveOf(bundleOf([dataset({ tenantColumn: undefined }), plainEndpoint()], 'none').endpoints, { auth: 'none' });
const read = (document: unknown): any => JSON.parse(JSON.stringify(document));

describe('openapi.json', () => {
  const document = read(openapiDocument(live, { version: '1.2.3', publicUrl: 'https://data.example.com', edge: edgeOf(null, []) }));
  const operation = document.paths['/v1/endpoints/account_daily'].get;
  /** What a reference stands for. */
  const resolved = (one: any): any => (one.$ref === undefined ? one : one.$ref.slice(2).split('/').reduce((at: any, name: string) => at[name], document));

  test('has one GET per endpoint, sorted, named like it', () => {
    expect([document.openapi, document.info.version, Object.keys(document.paths)]).toEqual(['3.1.0', '1.2.3', ['/v1/endpoints/a_first', '/v1/endpoints/account_daily']]);
    expect([operation.operationId, operation.deprecated, operation.security]).toEqual(['account_daily', true, [{ bearerAuth: [] }]]);
    expect(document.components.securitySchemes.bearerAuth).toEqual({ type: 'http', scheme: 'bearer' });
  });

  test('has every parameter with what it takes', () => {
    const byName = Object.fromEntries(operation.parameters.map((one: any) => [one.name, one]));
    expect(Object.keys(byName)).toEqual(['area', 'from', 'days', 'limit', 'offset', 'columns', 'cursor']);
    expect(byName['area']).toMatchObject({ in: 'query', required: true, schema: { type: 'string', enum: ['web', 'store', 'shop'] } });
    expect(byName['from']).toMatchObject({ required: false, schema: { type: 'string', format: 'date', default: '2026-01-01' } });
    expect(byName['days']).toMatchObject({ explode: false, schema: { type: 'array', items: { format: 'date' } } });
    expect(byName['limit'].schema).toEqual({ type: 'integer', minimum: 1, maximum: 500, default: 50 });
    expect(byName['offset'].schema.minimum).toBe(0);
  });

  test('has typed columns and a schema for every status', () => {
    const content = operation.responses['200'].content;
    expect(Object.keys(content)).toContain('text/csv');
    expect(content['application/json'].schema.properties.data.items.properties).toEqual({
      day: { type: ['string', 'null'], format: 'date' },
      extra: { description: 'any JSON value' },
      big: { type: ['integer', 'null'], format: 'int64' },
    });
    for (const status of [400, 401, 404, 405, 406, 410, 413, 422, 429, 500, 503, 504])
      expect(resolved(operation.responses[status]).content['application/json'].schema).toEqual({ $ref: '#/components/schemas/Error' });
  });

  test('says what no schema of a parameter can: sets, aliases, what comes instead', () => {
    expect(operation['x-parameter-combinations']).toEqual([['area'], ['area', 'from']]);
    expect(operation.description).toBe(
      'Besides those of paging, the parameters {area} or {area, from} may be sent together. Deprecated: since 2026-10-01, use account_daily_v2.',
    );
    const [area] = operation.parameters;
    expect([area['x-aliases'], area.description]).toEqual([{ shop: 'store' }, 'Also taken: shop for store.']);
  });

  test('names every header of an answer, those of a deprecated endpoint where it is', () => {
    const headers = (of: string, status: number): string[] => Object.keys(resolved(document.paths[`/v1/endpoints/${of}`].get.responses[status]).headers);
    for (const status of [200, 304]) {
      expect(headers('account_daily', status)).toEqual(expect.arrayContaining(['ETag', 'RateLimit-Remaining', 'Deprecation', 'Sunset', 'Link']));
      expect(headers('a_first', status)).not.toContain('Deprecation');
    }
    for (const status of [429, 503]) expect(headers('a_first', status)).toContain('Retry-After');
    expect([headers('a_first', 401).includes('WWW-Authenticate'), headers('a_first', 405).includes('Allow')]).toEqual([true, true]);
    const edges = [edgeOf(null, []), edgeOf('pod-0', ['*']), edgeOf('pod-0', ['https://a.example'])].map(
      (edge) => Object.keys(read(openapiDocument(live, { version: '1', publicUrl: null, edge })).components.headers),
    );
    expect(edges.map((names) => ['X-Offloader-Pod', 'Access-Control-Allow-Origin', 'Access-Control-Allow-Credentials'].map((name) => names.includes(name)))).toEqual([
      [false, false, false], [true, true, false], [true, true, true],
    ]);
  });

  test('of a public gateway asks for no key', () => {
    const { paths, components } = read(openapiDocument(open, { version: '1', publicUrl: null, edge: edgeOf(null, []) }));
    expect([paths['/v1/endpoints/events'].get.security, components.securitySchemes, paths['/v1/endpoints/events'].get.responses[401]]).toEqual([[], undefined, undefined]);
  });
}); // prettier-ignore

test('/schema says what a program wants to know', () => {
  const document = read(schemaDocument(live));
  expect(document).toMatchObject({ service: 'offloader', config_revision: 'r1', count: 2 });
  expect(document.endpoints[1]).toEqual({
    name: 'account_daily',
    version: 3,
    method: 'GET',
    path: '/v1/endpoints/account_daily',
    description: 'Visits per day',
    public: false,
    tenant_scoped: true,
    params: [
      { name: 'area', type: 'enum', required: true, enum: ['web', 'store'], default: null, aliases: { shop: 'store' }, list: false },
      { name: 'from', type: 'date', required: false, enum: null, default: '2026-01-01', aliases: {}, list: false },
      { name: 'days', type: 'date', required: false, enum: null, default: null, aliases: {}, list: true },
    ],
    combinations: [['area'], ['area', 'from']],
    filters: [{ column: 'area', op: 'eq', param: 'area' }],
    response_columns: [
      { name: 'day', type: 'DATE', nested: false },
      { name: 'extra', type: 'JSON', nested: true },
      { name: 'big', type: 'BIGINT', nested: false },
    ],
    column_selection: true,
    pagination: { default_limit: 50, max_limit: 500 },
  });
});

test('the catalogue says what people want to know', () => {
  const document = read(catalogDocument(live, null));
  expect(document.auth).toEqual({ mode: 'required', scheme: 'bearer', note: 'Send the API key as Authorization: Bearer <key>' });
  const [, entry] = document.endpoints;
  expect(entry).toMatchObject({
    name: 'account_daily',
    auth: { scope: 'key', tenant: true },
    freshness_minutes: 1560,
    response: { example: { data: [{ day: '2026-01-31', extra: {}, big: 1 }] } },
  });
  expect(entry.params.map(({ name }: any) => name)).toEqual(['area', 'from', 'days', 'limit', 'offset', 'columns', 'cursor']);
  expect(entry.errors[0]).toEqual({
    status: 400,
    family: 'invalid_param',
    codes: ['bad_request', 'bad_encoding'],
    when: expect.any(String),
  });
  expect(read(catalogDocument(open, null)).auth.mode).toBe('none');
});
