/** Watches of a real API server through every fault of the way there: events resume, nothing is lost, and requests are counted. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createApiClient } from '../src/kubernetes/client.ts';
import type { ApiClient } from '../src/kubernetes/client.ts';
import { listWatch } from '../src/kubernetes/list-watch.ts';
import { resourceTypes } from '../src/kubernetes/resource-type.ts';
import type { KubeObject } from '../src/domain/kube-object.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { Watcher } from '../src/runtime/watcher.ts';
import type { WatcherObservation } from '../src/runtime/watcher.ts';
import { ApiRelay } from './support/api-relay.ts';
import { startOwnApiServer } from './support/api-server.ts';
import type { OwnApiServer } from './support/api-server.ts';
import { Proxy } from './support/proxy.ts';
import { World, until } from './support/world.ts';

// Without its cache the server answers from etcd alone, so that a compaction makes a version too old at once.
const server = await startOwnApiServer('--watch-cache=false');
const there = 'unavailable' in server ? describe.skip : describe;
const watchSeconds = 2;

there('a watch', () => {
  const api = server as OwnApiServer;
  let world: World;
  let relay: ApiRelay;
  let proxy: Proxy;
  let client: ApiClient;
  let watcher: Watcher<KubeObject>;
  let seen: WatcherObservation[];
  let told: string[];
  let broken: (name: string) => boolean;
  let startedMs: number;
  let turn = 0;

  afterAll(() => api.stop());
  beforeEach(async () => {
    turn += 1;
    startedMs = performance.now();
    world = await new World(api.kubeconfig, `watching-${String(turn)}`).open();
    relay = await new ApiRelay(api).start();
    proxy = await new Proxy(Number(new URL(relay.kubeConfig().getCurrentCluster()!.server).port)).start();
    const config = relay.kubeConfig();
    config.clusters = [{ ...config.getCurrentCluster()!, server: `http://127.0.0.1:${String(proxy.port)}` }];
    client = createApiClient({ config, guard: () => undefined, userAgent: 'test' });
    [seen, told, broken] = [[], [], () => false];
    watcher = new Watcher<KubeObject>({
      name: 'configmaps',
      source: listWatch<KubeObject>({ client, type: resourceTypes.ConfigMap, namespace: world.namespace, watchSeconds }),
      clock: systemClock,
      random: Math.random,
      retry: { baseMs: 500, maxMs: 15_000 },
      relistMs: 600_000,
      changed: (name, before, after) => {
        if (broken(name)) throw new Error(`no ${name} today`);
        told.push(`${after === undefined ? '-' : before === undefined ? '+' : '~'}${name}`);
      },
      observe: (observation) => seen.push(observation),
    });
  });
  afterEach(async () => {
    watcher.stop();
    client.close();
    proxy.restore();
    await proxy.stop();
    await relay.stop();
    await world.close();
  });

  const make = (name: string) => world.client.request({ method: 'POST', path: world.path('configmaps'), body: { metadata: { name } } });
  const change = (name: string, value: string) =>
    world.client.request({
      method: 'PATCH',
      path: world.path('configmaps', name),
      contentType: 'application/merge-patch+json',
      body: { data: { value } },
    });
  const remove = (name: string) => world.remove(world.path('configmaps', name));
  const versions = (objects: readonly KubeObject[]): readonly string[] =>
    objects.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion ?? ''}`).toSorted();
  /** What the watcher knows is what the API server has. */
  const agrees = () =>
    until('the watcher to know all that there is', async () => {
      const list = (await world.client.request({ method: 'GET', path: world.path('configmaps') })) as { items: KubeObject[] };
      return versions(list.items).join() === versions(watcher.list()).join();
    });
  const of = <K extends WatcherObservation['kind']>(kind: K) =>
    seen.filter((one): one is Extract<WatcherObservation, { kind: K }> => one.kind === kind);
  /** Each watch ends after two seconds, so that there are the more of them the longer a machine takes. */
  const atMost = (requests: number, sinceMs = startedMs): number => requests + (performance.now() - sinceMs) / (500 * watchSeconds);
  const start = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) await make(name);
    void watcher.run();
    await watcher.synced;
    await until('the watch to be open', () => relay.requests.some(({ isWatch }) => isWatch));
  };

  test('whose connection swallows everything, without a word of its end, is given up and taken up again', async () => {
    await start('a', 'b');
    proxy.swallow();
    await make('c');
    await change('a', '1');
    await remove('b');
    await until('the silence to be noticed', () => of('watch_failed').length > 0);
    expect(String(of('watch_failed')[0]!.error)).toContain('went silent');
    expect(versions(watcher.list())).toHaveLength(2);
    proxy.restore();
    await agrees();
    expect(told).toEqual(['+a', '+b', '+c', '~a', '-b']);
    expect(relay.requests.length).toBeLessThan(atMost(6));
  });

  test('whose version has been compacted away lists anew, once, and finds what was made, changed and deleted meanwhile', async () => {
    await start('a', 'b');
    relay.goAway();
    await until('the watch to break', () => of('watch_failed').length > 0);
    await make('c');
    await change('a', '1');
    await remove('b');
    const etcd = async (path: string, body: object): Promise<any> =>
      (await fetch(`${api.etcdUrl}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) })).json();
    const { revision } = (await etcd('range', { key: 'AA==' })).header;
    await etcd('compaction', { revision, physical: true });
    const [before, sinceMs] = [relay.requests.length, performance.now()];
    relay.comeBack();
    await agrees();
    expect(of('watch_ended').map(({ end }) => end)).toContain('expired');
    expect(of('listed').map(({ found }) => found)).toEqual([0, 3]);
    expect(told.toSorted()).toEqual(['+a', '+b', '+c', '-b', '~a']);
    expect(relay.requests.length - before).toBeLessThan(atMost(8, sinceMs));
  });

  test('that has told a deletion is not led astray by the answer to an earlier write', async () => {
    await start('a', 'b');
    const answer = (await change('a', '1')) as KubeObject;
    await remove('a');
    await agrees();
    watcher.put(answer);
    expect(watcher.list().map(({ metadata }) => metadata.name)).toEqual(['b']);
    watcher.put((await make('a')) as KubeObject);
    await agrees();
  });

  test('misses nothing that happens while a list or the start of a watch takes long', async () => {
    const lateMs = { list: 1500, watch: 1500 };
    relay.delayMs = ({ isWatch }) => (isWatch ? lateMs.watch : lateMs.list);
    await make('a');
    void watcher.run();
    await until('the list to be asked for', () => relay.requests.length > 0);
    await make('b');
    await watcher.synced;
    await until('the watch to be asked for', () => relay.requests.some(({ isWatch }) => isWatch));
    await make('c');
    await remove('a');
    await agrees();
    expect(told).toEqual(['+a', '+b', '+c', '-a']);
    expect(relay.requests.filter(({ isWatch }) => !isWatch)).toHaveLength(1);
  });

  test('whose handler throws tells the same change again, later and later, and no other is lost by it', async () => {
    await start('a');
    broken = (name) => name === 'b';
    await make('b');
    await make('c');
    await until('the handler to have thrown twice', () => of('watch_failed').length > 1);
    expect(String(of('watch_failed')[0]!.error)).toContain('no b today');
    expect(watcher.get('b')).toBeUndefined();
    broken = () => false;
    await agrees();
    expect(told.toSorted()).toEqual(['+a', '+b', '+c']);
    expect(relay.requests.length).toBeLessThan(atMost(10));
  });

  test('of a quiet kind is open all the time: an edit after many ends of the watch is told at once, without a list', async () => {
    await start('a');
    await until('the server to have ended it twice', () => of('watch_ended').length > 1);
    await change('a', '1');
    await agrees();
    expect(told).toEqual(['+a', '~a']);
    expect(of('listed')).toHaveLength(1);
    expect(relay.requests.length).toBeLessThan(atMost(4));
  });
});
