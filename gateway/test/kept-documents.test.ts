// The documents of thousands of endpoints are made once for a configuration, and never a moment longer than it holds.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CompiledEndpoint, CompiledKey } from '@offloader/contract';
import express from 'express';
import { edgeOf } from '../src/domain/answer-headers.ts';
import { buildLive } from '../src/domain/live.ts';
import { toolPage } from '../src/domain/mcp-tools.ts';
import type { Live } from '../src/domain/serving.ts';
import { createDocuments } from '../src/http/documents.ts';
import { bundleOf, dataset, endpointOf, liveOf, plainEndpoint, servingOf } from './support/compiled.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';

const paths = ['/openapi.json', '/schema', '/docs'] as const;
const many = 400;

/** Endpoints that count how often all of them are looked at: whoever makes a document has to. */
class Counted extends Map<string, CompiledEndpoint> {
  looks = 0;
  override values() {
    this.looks += 1;
    return super.values();
  }
}
const template = endpointOf();
const counted = (): Counted =>
  new Counted(Array.from({ length: many }, (_, n) => [`e${n}`, { ...template, name: `e${n}` }] as [string, CompiledEndpoint]));

describe(`a document of ${many} endpoints`, () => {
  let server: Server;
  let live: Live = liveOf([], { endpoints: counted() });
  beforeAll(async () => {
    const app = express();
    app.use(createDocuments({ version: 'test', publicUrl: null, edge: edgeOf(null, []), live: () => live, api: express() }));
    server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => new Promise((resolve) => server.close(resolve)));
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { headers });
    return { status: response.status, etag: response.headers.get('etag'), caching: response.headers.get('cache-control'), text: await response.text() };
  }; // prettier-ignore
  const looksDuring = async <T>(work: () => Promise<T>): Promise<readonly [number, T]> => {
    const endpoints = live.endpoints as Counted;
    const before = endpoints.looks;
    const result = await work();
    return [endpoints.looks - before, result];
  };

  test.each(paths)('%s is made once, whoever asks for it again and however', async (path) => {
    const [made, first] = await looksDuring(async () => ask(path));
    expect([made, first.status, first.caching]).toEqual([1, 200, 'no-cache']);
    expect(first.etag).toMatch(/^"[\w-]{43}"$/);
    const [again, answers] = await looksDuring(async () =>
      Promise.all([ask(path), ask(path, { 'if-none-match': first.etag! }), ask(path, { 'if-none-match': '"another"' })]),
    );
    expect(again).toBe(0);
    expect(answers.map(({ status, text }) => [status, text === first.text])).toEqual([[200, true], [304, false], [200, true]]); // prettier-ignore
  });

  test.each(paths)('%s is not made by another snapshot, but by each thing that it tells', async (path) => {
    let { etag } = await ask(path);
    live = { ...live, servings: new Map([['events', servingOf(template)]]) };
    expect(await looksDuring(async () => (await ask(path)).etag)).toEqual([0, etag]);
    const edits: Partial<Live>[] = [
      { revision: `${live.revision} edited` },
      { auth: live.auth === 'none' ? 'required' : 'none' },
      { endpoints: counted() },
    ];
    (edits[2]!.endpoints as Counted).set('added', { ...template, name: 'added' }); // prettier-ignore
    for (const edit of edits) {
      live = { ...live, ...edit };
      const [made, answer] = await looksDuring(async () => ask(path, { 'if-none-match': etag! }));
      expect([made, answer.status, answer.etag === etag]).toEqual([1, 200, false]);
      etag = answer.etag;
    }
    live = { ...live, endpoints: counted() };
  });
});

test('endpoints stay the same map over a swap, and are another one after an edit', () => {
  const bundle = bundleOf([dataset(), plainEndpoint()]);
  const first = buildLive(bundle, { servings: new Map(), kept: new Map() }, liveOf([]));
  const swapped = buildLive(bundle, { servings: new Map([['events', servingOf(template)]]), kept: new Map() }, first);
  expect(swapped.endpoints).toBe(first.endpoints);
  const edited = buildLive(bundleOf([dataset(), plainEndpoint({ version: 2 })]), { servings: new Map(), kept: new Map() }, swapped);
  expect(edited.endpoints.get('events')!.version).toBe(2);
});

test('a tool is described once for each form of its endpoint, and listed for whoever is granted it now', () => {
  const live = liveOf([], { endpoints: counted() });
  const key = (...endpoints: string[]): CompiledKey => ({ id: 'some', tenant: 'acme', endpoints } as unknown as CompiledKey); // prettier-ignore
  const [all, some] = [toolPage(live, key('*')), toolPage(live, key('e1', 'e7', 'gone'))];
  expect([all.tools.length, all.nextCursor]).toEqual([200, all.tools[199]!.name]);
  expect(some.tools.map(({ name }) => name)).toEqual(['e1', 'e7']);
  expect(all.tools.find(({ name }) => name === 'e1')).toBe(some.tools[0]);
  expect(toolPage(live, key('e7')).tools).toEqual([some.tools[1]]);
  const edited = liveOf([], { endpoints: new Map([['e1', { ...template, name: 'e1', description: 'edited' }]]) });
  expect(toolPage(edited, key('e1')).tools[0]!.description).toMatch(/^edited /);
});

describe('in a gateway', () => {
  let lake: Lake;
  let world: World;
  beforeAll(async () => {
    lake = await createLake();
    await lake.publish('a1', visits(1));
    world = await startWorld([visitsDataset(lake.url), endpoint('daily'), apiKey('acme')]);
  });
  afterAll(async () => {
    await world.end();
    await lake.remove();
  });
  const etags = async () => Promise.all(paths.map(async (path) => (await world.admin(path)).headers.get('etag')));
  const tools = async (): Promise<string> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    return (await world.get('/mcp', 'acme-token', { method: 'POST', body, headers })).text();
  };
  const describedDay = (description: string) => [visitsDataset(lake.url), endpoint('daily', { description }), endpoint('other')];

  test('a swap changes no document; an edit of an endpoint and one of a grant change each at once', async () => {
    const first = await etags();
    await lake.publish('a2', visits(2));
    await until(async () => (await (await world.get('/v1/endpoints/daily', 'acme-token')).text()).includes('"a2"'));
    expect(await etags()).toEqual(first);
    await world.write([...describedDay('edited'), apiKey('acme')]);
    await until(async () => (await tools()).includes('"other"'));
    const edited = await etags();
    for (const [n, path] of paths.entries()) {
      expect(edited[n]).not.toBe(first[n]);
      expect(await (await world.admin(path)).text()).toContain('edited');
    }
    expect(await tools()).toContain('edited Rows of');
    await world.write([...describedDay('edited'), apiKey('acme', { endpoints: ['daily'] })]);
    await until(async () => !(await tools()).includes('"other"'));
    for (const [n, etag] of (await etags()).entries()) expect(etag).not.toBe(edited[n]);
  });
});
