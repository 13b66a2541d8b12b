// Every header that an answer carries is in /openapi.json, and every one that is there is sent: real answers beside the document.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { rawAnswer } from './support/raw.ts';

/** What OpenAPI leaves to the media type, and what the connection needs. */
const ofTransport = ['content-type', 'content-length', 'transfer-encoding', 'date', 'connection', 'keep-alive'];
const page = 'https://app.example';

type Asked = {
  readonly path: string;
  readonly endpoint: string;
  readonly token?: string | null;
  readonly method?: string;
  readonly headers?: Record<string, string>;
};
const daily = (more: Partial<Asked> = {}): Asked => ({ path: 'daily', endpoint: 'daily', ...more });
const asked: readonly Asked[] = [
  ...['', '.csv', '.ndjson', '.arrow', '.parquet'].map((suffix) => daily({ path: `daily${suffix}` })),
  daily({ method: 'HEAD' }),
  daily({ headers: { 'if-none-match': '*' } }),
  daily({ token: null }),
  daily({ token: 'nobody' }),
  daily({ headers: { accept: 'image/png' } }),
  daily({ method: 'POST' }),
  daily({ path: 'daily?zz=1' }),
  daily({ path: 'daily?limit=%' }),
  daily({ path: 'no_such' }),
  daily({ path: 'daily?limit=1&cursor=CURSOR' }),
  daily({ token: 'slow-token' }),
  daily({ token: 'slow-token' }),
  { path: 'old', endpoint: 'old' },
  { path: 'old', endpoint: 'old', headers: { 'if-none-match': '*' } },
  { path: 'old?zz=1', endpoint: 'old' },
  { path: 'later', endpoint: 'later' },
]; // prettier-ignore

/** What is wrong with a header's value by its schema. */
const faults = (schema: { readonly type: string } | undefined, value: string): readonly string[] => {
  if (schema === undefined) return ['is not in the document'];
  return schema.type === 'integer' && !/^\d+$/.test(value) ? ['is no integer'] : [];
};

describe.each([
  ['with keys, for some origins', 'required', page, [page, 'https://elsewhere.example', null]],
  ['with keys, for no origin', 'required', '', [page, null]],
  ['without keys, for every origin', 'none', '*', [page, null]],
] as const)('a gateway %s', (_what, auth, corsOrigins, origins) => {
  let lake: Lake;
  let world: World;
  const tenant = auth === 'none' ? { tenant: undefined } : {};
  beforeAll(async () => {
    lake = await createLake();
    await lake.publish('a1', visits(1));
    const nowhere = { ...visitsDataset('file:///nowhere/manifest.json'), metadata: { name: 'nowhere' } };
    world = await startWorld(
      [
        visitsDataset(lake.url, { snapshot: { keep: 0 } }),
        nowhere,
        endpoint('daily', tenant),
        endpoint('old', { ...tenant, deprecation: { since: '2026-01-01', sunset: '2027-01-01', successor: 'daily' } }),
        endpoint('later', { ...tenant, datasetRef: { name: 'nowhere' } }),
        ...(auth === 'none' ? [] : [apiKey('acme', { limits: { requestsPerDay: 10_000 } }), apiKey('slow', { limits: { requestsPerDay: 1 } })]),
      ],
      { OFFLOADER_AUTH: auth, OFFLOADER_POD_NAME: 'gateway-0', ...(corsOrigins === '' ? {} : { OFFLOADER_CORS_ORIGINS: corsOrigins }) },
    );
  }); // prettier-ignore
  afterAll(async () => {
    await world.end();
    await lake.remove();
  });

  const ask = async ({ path, token = 'acme-token', method = 'GET', headers = {} }: Asked): Promise<Response> => {
    const response = await world.get(`/v1/endpoints/${path}`, token, { method, headers });
    await response.arrayBuffer();
    return response;
  };

  test('sends the headers that the document names, and no others', async () => {
    const document = (await (await world.admin('/openapi.json')).json()) as any;
    const resolved = (one: any): any =>
      one.$ref === undefined ? one : one.$ref.slice(2).split('/').reduce((at: any, name: string) => at[name], document); // prettier-ignore
    const documented = (name: string, status: number): Map<string, any> => {
      const response = document.paths[`/v1/endpoints/${name}`].get.responses[status];
      if (response === undefined) throw new Error(`no ${status} of ${name}`);
      return new Map(Object.entries(resolved(response).headers).map(([header, one]) => [header.toLowerCase(), resolved(one).schema]));
    };
    const first = (await (await world.get('/v1/endpoints/daily?limit=1', 'acme-token')).json()) as any;
    await lake.publish('a2', visits(2));
    await until(async () => ((await (await world.get('/v1/endpoints/daily?limit=1', 'acme-token')).json()) as any).meta.snapshot_id === 'a2');
    const wrong: string[] = [];
    const seen = new Set<string>();
    const statuses = new Set<number>();
    for (const origin of origins)
      for (const one of asked) {
        const from: Record<string, string> = origin === null ? {} : { origin };
        const response = await ask({ ...one, path: one.path.replace('CURSOR', first.meta.next_cursor), headers: { ...one.headers, ...from } });
        const named = documented(one.endpoint, response.status);
        statuses.add(response.status);
        for (const [header, value] of [...response.headers].filter(([name]) => !ofTransport.includes(name))) {
          seen.add(header);
          wrong.push(...faults(named.get(header), value).map((fault) => `${response.status} ${one.path}: ${header} ${fault}`));
        }
      }
    expect(wrong).toEqual([]);
    const keyed = auth === 'none' ? [] : [401, 429];
    expect([...statuses].toSorted()).toEqual([200, 304, 400, 404, 405, 406, 410, 422, 503, ...keyed].toSorted());
    expect(Object.keys(document.components.headers).map((name) => name.toLowerCase()).toSorted()).toEqual([...seen].toSorted());
  }); // prettier-ignore

  test.each([
    [431, 'headers_too_large', `GET /v1/endpoints/daily HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(17_000)}\r\n\r\n`],
    [413, 'too_large', 'GET /v1/endpoints/daily HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000001\r\n\r\n'],
  ])('answers %d with no others either', async (status, code, text) => {
    const document = (await (await world.admin('/openapi.json')).json()) as any;
    const [head = '', body = ''] = (await rawAnswer(world.gateway.apiPort, text)).split('\r\n\r\n');
    const [line, ...headers] = head.split('\r\n');
    expect(line).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const known = Object.keys(document.components.responses[`Error${status}`].headers).map((name) => name.toLowerCase());
    const sent = headers.map((header) => header.slice(0, header.indexOf(':')).toLowerCase());
    expect(sent.filter((header) => !known.includes(header) && !ofTransport.includes(header))).toEqual([]);
    expect(JSON.parse(body).error).toMatchObject({ code, message: expect.stringMatching(/\d+ bytes/) });
    expect(document.components.schemas.Error.properties.error.properties.code.enum).toContain(code);
  });
});
