import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { Versioned } from './resource-version.ts';
import { Watcher } from './watcher.ts';
import type { WatchEnd, WatchEvent, WatchSource } from './watcher.ts';

const object = (name: string, version: number): Versioned => ({ metadata: { name, resourceVersion: String(version) } });
const event = (type: WatchEvent<Versioned>['type'], name: string, version: number): WatchEvent<Versioned> => ({
  type,
  object: object(name, version),
});

type Session = {
  readonly from: string;
  readonly events: (event: WatchEvent<Versioned>) => void;
  readonly end: (end: WatchEnd | Error) => void;
};

/** An API server in miniature: the lists it will answer, and the watches that are open. */
const scripted = (lists: (readonly Versioned[] | Error)[]) => {
  const sessions: Session[] = [];
  let listed = 0;
  const source: WatchSource<Versioned> = {
    list: async () => {
      const answer = lists[Math.min(listed, lists.length - 1)] ?? [];
      listed += 1;
      if (answer instanceof Error) throw answer;
      return { items: answer, resourceVersion: String(listed * 100) };
    },
    watch: (from, events) =>
      new Promise((resolve, reject) => {
        sessions.push({ from, events, end: (end) => (end instanceof Error ? reject(end) : resolve(end)) });
      }),
  };
  return { source, sessions, listed: () => listed };
};

const build = (lists: (readonly Versioned[] | Error)[], relistMs = 600_000, broken = { handler: false }) => {
  const clock = new ManualClock();
  const server = scripted(lists);
  const changed: string[] = [];
  const found: number[] = [];
  const failed: number[] = [];
  const watcher = new Watcher<Versioned>({
    name: 'things',
    source: server.source,
    clock,
    random: () => 0.5,
    retry: { baseMs: 500, maxMs: 15_000 },
    relistMs,
    changed: (name, before, after) => {
      if (broken.handler) throw new Error('a bug');
      changed.push(`${name}:${before?.metadata.resourceVersion ?? '-'}>${after?.metadata.resourceVersion ?? '-'}`);
    },
    observe: (observation) => {
      if (observation.kind === 'listed') found.push(observation.found);
      if (observation.kind === 'watch_failed') failed.push(observation.retryInMs);
    },
  });
  void watcher.run();
  return { clock, server, watcher, changed, found, failed };
};

describe('the watcher', () => {
  test('lists, then watches from the version of the list', async () => {
    const { clock, server, watcher, changed } = build([[object('a', 1)]]);
    await clock.advance(0);
    await watcher.synced;
    expect(changed).toEqual(['a:->1']);
    expect(server.sessions[0]?.from).toBe('100');
    server.sessions[0]?.events(event('MODIFIED', 'a', 101));
    server.sessions[0]?.events(event('ADDED', 'b', 102));
    server.sessions[0]?.events(event('DELETED', 'a', 103));
    expect(watcher.list()).toEqual([object('b', 102)]);
    watcher.stop();
  });

  test('a watch that the server closes goes on from the last bookmark, without a list', async () => {
    const { clock, server, watcher } = build([[]]);
    await clock.advance(0);
    server.sessions[0]?.events(event('BOOKMARK', '', 150));
    await clock.advance(30_000);
    server.sessions[0]?.end('closed');
    await clock.advance(0);
    expect(server.sessions[1]?.from).toBe('150');
    expect(server.listed()).toBe(1);
    watcher.stop();
  });

  test('an expired version lists again and tells of what was lost', async () => {
    const { clock, server, watcher, changed, found } = build([[object('a', 1), object('b', 2)], [object('b', 180)]]);
    await clock.advance(5000);
    changed.length = 0;
    server.sessions[0]?.end('expired');
    await clock.advance(0);
    expect(changed).toEqual(['b:2>180', 'a:1>-']);
    expect(found).toEqual([0, 2]);
    expect(server.sessions[1]?.from).toBe('200');
    watcher.stop();
  });

  test('failing lists and broken watches are tried again later and later, and never given up', async () => {
    const down = new Error('down');
    const { clock, server, watcher } = build([down, down, down, [object('a', 1)]]);
    await clock.advance(400);
    expect(server.listed()).toBe(2);
    await clock.advance(100_000);
    expect(watcher.isSynced).toBe(true);
    server.sessions[0]?.end(down);
    await clock.advance(20_000);
    expect(server.sessions).toHaveLength(2);
    expect(server.sessions[1]?.from).toBe('400');
    watcher.stop();
  });

  test('a server that closes every watch at once is not hammered', async () => {
    const { clock, server, watcher } = build([[]]);
    for (let turn = 0; turn < 600; turn += 1) {
      server.sessions.at(-1)?.end('closed');
      await clock.advance(100);
    }
    expect(server.sessions.length).toBeLessThan(15);
    watcher.stop();
  });

  test('a full list is due after a while even when the watch is well', async () => {
    const { clock, server, watcher } = build([[object('a', 1)], [object('a', 1), object('b', 2)]], 60_000);
    await clock.advance(70_000);
    server.sessions[0]?.end('closed');
    await clock.advance(0);
    expect(server.listed()).toBe(2);
    expect(watcher.list()).toHaveLength(2);
    watcher.stop();
  });

  test('a list tells as lost what the watch had passed over, and not what it would have shown next', async () => {
    const after = [object('a', 1), object('skipped', 140), object('next', 160)];
    const { clock, server, changed, found, watcher } = build([[object('a', 1), object('gone', 2)], after], 60_000);
    await clock.advance(0);
    server.sessions[0]?.events(event('BOOKMARK', '', 150));
    changed.length = 0;
    await clock.advance(70_000);
    server.sessions[0]?.end('closed');
    await clock.advance(0);
    expect(changed).toEqual(['skipped:->140', 'next:->160', 'gone:2>-']);
    expect(found).toEqual([0, 2]);
    watcher.stop();
  });

  test('a change that its handler threw on is told again after a list, whether an event or a list had brought it', async () => {
    const broken = { handler: false };
    const { clock, server, watcher, changed } = build([[object('a', 1)], [object('a', 101)]], 600_000, broken);
    await clock.advance(0);
    changed.length = 0;
    broken.handler = true;
    const session = server.sessions[0]!;
    // As the adapter does: what the callback throws breaks the watch.
    expect(() => session.events(event('MODIFIED', 'a', 101))).toThrow('a bug');
    session.end(new Error('a bug'));
    await clock.advance(2000);
    expect(server.listed()).toBeGreaterThan(1);
    expect(changed).toEqual([]);
    broken.handler = false;
    await clock.advance(20_000);
    expect(changed).toEqual(['a:1>101']);
    expect(watcher.get('a')).toEqual(object('a', 101));
    watcher.stop();
  });

  test('an overloaded server is left alone for as long as it asks', async () => {
    const { clock, server, failed, watcher } = build([Object.assign(new Error('too many requests'), { retryAfterMs: 40_000 }), []]);
    await clock.advance(39_000);
    expect([server.listed(), failed]).toEqual([1, [40_000]]);
    await clock.advance(2000);
    expect(watcher.isSynced).toBe(true);
    watcher.stop();
  });

  test('an own write that is answered after its object was deleted does not revive it, before a list and after; a new one of that name counts', async () => {
    const { clock, server, watcher } = build([[object('a', 1), object('b', 2)], []], 60_000);
    await clock.advance(0);
    server.sessions[0]?.events(event('MODIFIED', 'a', 110));
    server.sessions[0]?.events(event('DELETED', 'a', 111));
    watcher.put(object('a', 110));
    expect(watcher.list()).toEqual([object('b', 2)]);
    await clock.advance(70_000);
    server.sessions[0]?.end('closed');
    await clock.advance(0);
    expect(server.listed()).toBe(2);
    for (const late of [object('a', 110), object('b', 120)]) watcher.put(late);
    expect(watcher.list()).toEqual([]);
    watcher.put(object('a', 210));
    expect(watcher.list()).toEqual([object('a', 210)]);
    watcher.stop();
  });

  test('an own write is not undone by an older event, and its echo is no change', async () => {
    const { clock, server, watcher, changed } = build([[object('a', 1)]]);
    await clock.advance(0);
    changed.length = 0;
    watcher.put(object('a', 120));
    server.sessions[0]?.events(event('MODIFIED', 'a', 110));
    server.sessions[0]?.events(event('MODIFIED', 'a', 120));
    expect(watcher.get('a')).toEqual(object('a', 120));
    expect(changed).toEqual([]);
    watcher.stop();
  });
});
