import { describe, expect, test } from '@jest/globals';
import { endpointOf, liveOf, servingOf } from '../../test/support/compiled.ts';
import { planQuery, type QueryPlan } from './query-plan.ts';
import { keptKey, type Live } from './serving.ts';
import { createSigner, matchesEtag } from './signature.ts';

const sign = createSigner('a secret of the tests that is long enough for them');
const endpoint = endpointOf({ params: [{ name: 'area', type: 'string' }, { name: 'n', type: 'integer' }] }); // prettier-ignore
const active = servingOf(endpoint);
const live = liveOf([endpoint], { servings: new Map([[endpoint.dataset, active]]) });
const question = { live, endpoint, tenant: 'acme', format: 'json', queryString: 'area=web&limit=2' } as const;

type Change = Partial<Omit<Parameters<typeof planQuery>[0], 'format'>> & { readonly format?: 'json' | 'csv' };
const plan = (change: Change = {}): QueryPlan => {
  const result = planQuery({ ...question, ...change }, sign);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const failure = (change: Change, by = sign): unknown => {
  const result = planQuery({ ...question, ...change }, by);
  return result.ok ? undefined : 'code' in result.error ? `${result.error.kind} ${result.error.code}` : result.error.kind;
};
const serving = (some: Parameters<typeof servingOf>[1]): Live => ({
  ...live,
  servings: new Map([[endpoint.dataset, servingOf(endpoint, some)]]),
});

describe('which snapshot answers', () => {
  test.each([
    ['none is loaded', { ...live, servings: new Map() }],
    ['the one that is loaded has another layout', serving({ layout: 'another' })],
    ['the one that is loaded lacks the mode', serving({ relations: { RemoteScan: 'remote' } })],
  ])('%s: not ready, before any parameter is judged', (_sentence, of: Live) => {
    expect(failure({ live: of, queryString: 'zz=%zz' })).toBe('not_ready snapshot_not_ready');
  });

  test('readable before parameters, parameters before the cursor', () => {
    expect(failure({ queryString: 'zz=%zz' })).toBe('bad_request bad_encoding');
    expect(failure({ queryString: 'n=x&cursor=x' })).toBe('invalid_param invalid_param');
  });

  test('the active one, from the relation of the mode', () => {
    expect(plan()).toMatchObject({ serving: active, relation: 'local', tenant: 'acme' });
  });
});

describe('a cursor', () => {
  const cursor = plan().nextCursor();
  const follow = `area=web&limit=2&cursor=${cursor}`;
  const next = servingOf(endpoint, { snapshotId: 's2', epoch: 2 });
  const swapped = (kept: ReadonlyMap<string, typeof active>): Live => ({ ...live, servings: new Map([[endpoint.dataset, next]]), kept });

  test('goes on where its page ended', () => {
    expect(plan({ queryString: follow })).toMatchObject({ serving: active, request: { offset: 2n, limit: 2 } });
    expect(plan({ queryString: `limit=5&cursor=${cursor}&area=web` }).request).toMatchObject({ offset: 2n, limit: 5 });
  });

  test('stays with its snapshot while that is kept, and is gone afterwards', () => {
    expect(plan({ live: swapped(new Map([[keptKey(endpoint.dataset, 's1'), active]])), queryString: follow }).serving).toBe(active);
    expect(failure({ live: swapped(new Map()), queryString: follow })).toBe('gone');
    const other = servingOf(endpoint, { layout: 'another' });
    expect(failure({ live: swapped(new Map([[keptKey(endpoint.dataset, 's1'), other]])), queryString: follow })).toBe('gone');
  });

  const another = endpointOf({ params: endpoint.params.map(({ name, type }) => ({ name, type })), version: 2 });
  test.each<[string, Change]>([
    ['another tenant', { tenant: 'beta' }],
    ['no tenant', { tenant: null }],
    ['another value', { queryString: follow.replace('web', 'store') }],
    ['another set of parameters', { queryString: `${follow}&n=1` }],
    ['fewer parameters', { queryString: `cursor=${cursor}` }],
    ['other columns', { queryString: `${follow}&columns=day` }],
    ['another endpoint', { endpoint: another, live: liveOf([another], { servings: new Map([[another.dataset, servingOf(another)]]) }) }],
    ['junk', { queryString: `area=web&cursor=junk` }],
    ['nothing', { queryString: `area=web&cursor=` }],
    ['a cut cursor', { queryString: follow.slice(0, -1) }],
    ['a longer cursor', { queryString: `${follow}A` }],
    ['padding', { queryString: `${follow}=` }],
    ['characters that base64 skips', { queryString: `${follow.slice(0, -4)}!${follow.slice(-4)}` }],
    ['a very long one', { queryString: `area=web&cursor=${'A'.repeat(4000)}` }],
  ])('is refused with %s', (_what, change) => {
    expect(failure({ queryString: follow, ...change })).toBe('invalid_param invalid_cursor');
  });

  test('is refused when any one of its characters was changed', () => {
    for (let at = 0; at < cursor.length; at += 1) {
      const other = cursor[at] === 'A' ? 'B' : 'A';
      const touched = `${cursor.slice(0, at)}${other}${cursor.slice(at + 1)}`;
      expect(failure({ queryString: `area=web&cursor=${touched}` })).toBe('invalid_param invalid_cursor');
    }
  });

  test('of another secret is refused', () => {
    expect(failure({ queryString: follow }, createSigner('another secret of the tests, long enough as well'))).toBe(
      'invalid_param invalid_cursor',
    );
  });
});

describe('what tells one answer from another', () => {
  const v2 = { ...endpoint, version: 2 };
  const served = (of: typeof endpoint): Change => ({
    endpoint: of,
    live: liveOf([of], { servings: new Map([[of.dataset, servingOf(of)]]) }),
  });

  test.each<[string, Change]>([
    ['written in another order', { queryString: 'limit=2&area=web' }],
    ['with a default written out', { queryString: 'area=web&limit=2&offset=0' }],
    ['with all columns in any order', { queryString: 'area=web&limit=2&columns=big,day' }],
  ])('the same question %s is the same', (_how, change) => {
    expect([plan(change).etag, plan(change).cacheKey]).toEqual([plan().etag, plan().cacheKey]);
  });

  test.each<[string, Change]>([
    ['parameters', { queryString: 'area=store&limit=2' }],
    ['limit', { queryString: 'area=web&limit=3' }],
    ['offset', { queryString: 'area=web&limit=2&offset=1' }],
    ['columns', { queryString: 'area=web&limit=2&columns=day' }],
    ['tenant', { tenant: 'beta' }],
    ['snapshot', { live: serving({ snapshotId: 's2', epoch: 2 }) }],
    ['definition', served(endpointOf({ version: 2 }))],
  ])('another %s is another answer', (_what, change) => {
    const query = _what === 'definition' ? { queryString: 'limit=2' } : {};
    expect(plan({ ...change, ...query }).etag).not.toBe(plan().etag);
    expect(plan({ ...change, ...query }).cacheKey).not.toBe(plan().cacheKey);
  });

  test('another version is another ETag, another form too, and a reload of one snapshot another cache entry', () => {
    expect(plan(served(v2)).etag).not.toBe(plan().etag);
    expect(plan({ format: 'csv' }).etag).not.toBe(plan().etag);
    const reloaded = plan({ live: serving({ epoch: 9 }) });
    expect([reloaded.etag === plan().etag, reloaded.cacheKey === plan().cacheKey]).toEqual([true, false]);
  });
});

test.each([
  ['W/"a"', true],
  ['"a"', true],
  ['*', true],
  [' * ', true],
  ['"x", W/"a" ,"y"', true],
  ['"b"', false],
  ['a', false],
  ['junk"a"', false],
  ['"a"junk', false],
  ['"x,"a",y"', false],
  ['"x, W/"a" ,y"', false],
  ['"x,y","a"', true],
  ['"x", *', false],
  ['w/"a"', false],
  ['', false],
])('If-None-Match: %s', (header, expected) => {
  expect(matchesEtag(header, 'W/"a"')).toBe(expected);
});
