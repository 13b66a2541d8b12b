import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import type { KubeObject } from '../src/domain/kube-object.ts';
import { createApiClient } from '../src/kubernetes/client.ts';
import type { ApiClient, StreamRequest } from '../src/kubernetes/client.ts';
import { listWatch } from '../src/kubernetes/list-watch.ts';
import { resourceTypes } from '../src/kubernetes/resource-type.ts';
import { retryDelayMs } from '../src/runtime/backoff.ts';
import type { WatchEvent } from '../src/runtime/watcher.ts';
import { watchRetry } from '../src/watches.ts';

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const json =
  (status: number, body: unknown): Answer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
const item = (name: string, version: string) => ({ metadata: { name, resourceVersion: version, managedFields: [{ manager: 'x' }] } });
const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

/** No shorter than what a busy machine needs for an answer. */
const timeoutMs = 2000;

/** Of every watch of the operator. */
const longestFirstRetryMs = retryDelayMs(watchRetry, 1, 1, undefined);

describe('list and watch over HTTP', () => {
  let server: http.Server;
  let client: ApiClient;
  let answers: Answer[];
  let asked: URL[];
  const never = new AbortController().signal;

  beforeEach(async () => {
    [answers, asked] = [[], []];
    server = http.createServer((request, response) => {
      asked.push(new URL(request.url ?? '', 'http://server'));
      answers.shift()?.(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const config = new KubeConfig();
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    config.loadFromClusterAndUser({ name: 'test', server: url, skipTLSVerify: true }, { name: 'test', token: 'bearer-of-the-test' });
    client = createApiClient({ config, guard: () => undefined, userAgent: 'test', timeoutMs });
  });
  afterEach(async () => {
    client.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  const source = (watchSeconds = 30) =>
    listWatch<KubeObject>({ client, type: resourceTypes.Secret, namespace: 'n', labelSelector: 'a=b', watchSeconds });
  const collect = () => {
    const events: string[] = [];
    return {
      events,
      take: (event: WatchEvent<KubeObject>) =>
        events.push(`${event.type} ${event.object.metadata.name}@${event.object.metadata.resourceVersion ?? ''}`),
    };
  };

  test('a list is read page by page, with its selector; of managed fields the last foreign manager stays', async () => {
    answers = [
      json(200, { metadata: { resourceVersion: '7', continue: 'more' }, items: [item('a', '1')] }),
      json(200, { metadata: { resourceVersion: '7' }, items: [item('b', '2')] }),
    ];
    const { items, resourceVersion } = await source().list(never);
    expect(resourceVersion).toBe('7');
    expect(items).toEqual([
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', resourceVersion: '1' }, changedBy: 'x' },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'b', resourceVersion: '2' }, changedBy: 'x' },
    ]);
    expect(
      asked.map(({ searchParams }) => [searchParams.get('labelSelector'), searchParams.get('limit'), searchParams.get('continue')]),
    ).toEqual([
      ['a=b', '500', null],
      ['a=b', '500', 'more'],
    ]);
  });

  test('a watch asks for bookmarks and a server timeout, takes events cut anywhere, and ends when the server ends it', async () => {
    answers = [
      (_, response) => {
        response.writeHead(200);
        const text = line('ADDED', item('ä', '8')) + line('BOOKMARK', { metadata: { name: '', resourceVersion: '9' } });
        const bytes = Buffer.from(text);
        const middle = bytes.indexOf(0xc3) + 1;
        response.write(bytes.subarray(0, middle), () => response.end(bytes.subarray(middle)));
      },
    ];
    const { events, take } = collect();
    expect(await source().watch('7', take, never)).toBe('closed');
    expect(events).toEqual(['ADDED ä@8', 'BOOKMARK @9']);
    const { searchParams } = asked[0]!;
    expect([
      searchParams.get('watch'),
      searchParams.get('allowWatchBookmarks'),
      searchParams.get('timeoutSeconds'),
      searchParams.get('resourceVersion'),
    ]).toEqual(['true', 'true', '30', '7']);
  });

  test.each([
    ['as an answer', json(410, { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })],
    ['as an event', (_, response) => response.writeHead(200).write(line('ERROR', { kind: 'Status', code: 410, message: 'too old' }))],
  ])('an expired version is told %s', async (_, answer) => {
    answers = [answer];
    expect(await source().watch('7', () => undefined, never)).toBe('expired');
  });

  test('another error event breaks the watch', async () => {
    answers = [(_, response) => response.writeHead(200).write(line('ERROR', { code: 500, message: 'etcd is away' }))];
    await expect(source().watch('7', () => undefined, never)).rejects.toThrow('etcd is away');
  });

  test('a connection that drops breaks the watch', async () => {
    answers = [
      (request, response) => {
        response.writeHead(200);
        response.write(line('ADDED', item('a', '8')), () => request.socket.destroy());
      },
    ];
    await expect(source().watch('7', () => undefined, never)).rejects.toThrow();
  });

  test.each([
    ['a handler that throws', line('ADDED', item('a', '8')), 'a bug'],
    ['a line that is no event', '<html>\n', 'JSON'],
  ])('%s breaks the watch and nothing else', async (_, text, why) => {
    answers = [(_request, response) => response.writeHead(200).write(text)];
    const take = (): void => {
      throw new Error('a bug');
    };
    await expect(source().watch('7', take, never)).rejects.toThrow(why);
  });

  test('a page of a list may take longer than other requests', async () => {
    answers = [(_, response) => setTimeout(() => response.writeHead(200).end('{"items":[]}'), timeoutMs * 1.3)];
    expect(await source().list(never)).toMatchObject({ items: [] });
  });

  test('a connection that goes silent for longer than the server would keep it breaks the watch', async () => {
    let silent: http.ServerResponse | undefined;
    answers = [
      (_, response) => {
        silent = response;
        response.writeHead(200).write(line('ADDED', item('a', '8')));
      },
    ];
    const stream = client.stream({ path: '/x', query: {}, onLine: () => undefined, inactivityMs: timeoutMs, signal: never });
    await expect(stream).rejects.toThrow('the watch went silent');
    expect(silent?.writableEnded).toBe(false);
  });

  test('a connection that swallows everything is noticed, and another one tried, within 45 s; a quiet one is left alone', async () => {
    const asked: StreamRequest[] = [];
    const swallowing: ApiClient = {
      ...client,
      stream: (request) => {
        asked.push(request);
        return Promise.reject(new Error('the watch went silent'));
      },
    };
    const unbounded = listWatch<KubeObject>({ client: swallowing, type: resourceTypes.Secret, namespace: 'n' });
    await expect(unbounded.watch('7', () => undefined, never)).rejects.toThrow('silent');
    const [{ inactivityMs, query }] = asked as [StreamRequest];
    expect(inactivityMs + longestFirstRetryMs).toBeLessThan(45_000);
    // The server ends a quiet watch long before.
    expect(inactivityMs).toBeGreaterThan(1000 * Number(query['timeoutSeconds']));
  });

  test('a request that is not answered in time fails, and the next one does not wait for it', async () => {
    answers = [() => undefined, json(200, { items: [] })];
    await expect(client.request({ method: 'GET', path: '/x' })).rejects.toThrow('did not answer in time');
    expect(await client.request({ method: 'GET', path: '/x' })).toEqual({ items: [] });
  });

  test('a refusal carries its status, reason and message; a page that is no Status stays outside', async () => {
    answers = [
      json(403, { kind: 'Status', reason: 'Forbidden', message: 'pods is forbidden' }),
      (_, response) => response.writeHead(502).end('<html>secret</html>'),
    ];
    await expect(client.request({ method: 'GET', path: '/x' })).rejects.toMatchObject({
      status: 403,
      reason: 'Forbidden',
      message: 'pods is forbidden',
    });
    await expect(client.request({ method: 'GET', path: '/x' })).rejects.toMatchObject({
      status: 502,
      message: 'the API server answered 502',
    });
  });

  test('a client that may not write sends nothing', async () => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 't', server: 'http://127.0.0.1:1', skipTLSVerify: true }, { name: 't' });
    const guarded = createApiClient({
      config,
      userAgent: 'test',
      guard: () => {
        throw new Error('not the leader');
      },
    });
    await expect(guarded.request({ method: 'PATCH', path: '/x', body: {} })).rejects.toThrow('not the leader');
    guarded.close();
  });
});
