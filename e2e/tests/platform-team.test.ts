/** What a platform team does with kubectl alone: declare, publish, roll back, revoke; consumers see each within seconds. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addressOf, call, callEach, gatewayPods, serviceUrl } from './support/gateways.ts';
import { apply, get, kubectl, patch, remove, secretValue, waitReady } from './support/kubectl.ts';
import { ensureLake, lakeSecretObject, publish } from './support/lake.ts';
import { dataset, endpoint, mintedKey, pathOf } from './support/resources.ts';
import { during } from './support/traffic.ts';
import { until } from './support/until.ts';

const [visits, daily, key] = ['dataset.offloader.dev/visits', 'endpoint.offloader.dev/visits-daily', 'apikey.offloader.dev/acme-dashboard'];
const path = pathOf('visits-daily');
let token = '';

const servedEverywhere = async (snapshot: string): Promise<void> => {
  await until(
    `every replica to serve ${snapshot}`,
    async () => callEach(path, token),
    (answers) => answers.every((answer) => answer.status === 200 && answer.snapshot === snapshot),
  );
};

const named = async (snapshot: string): Promise<void> => {
  await until(
    `status to name ${snapshot}`,
    async () => get(visits),
    ({ status }) => (status?.['activeSnapshot'] as { id?: string } | undefined)?.id === snapshot,
  );
};

beforeAll(async () => {
  await ensureLake();
  await publish('visits', '2026-05-30T00', [
    ['acme', '2026-05-29', 3],
    ['acme', '2026-05-30', 4],
    ['globex', '2026-05-30', 900],
  ]);
});
afterAll(async () => {
  await remove(key, daily, visits);
});

describe('a platform team with kubectl', () => {
  test('applies a Dataset, an Endpoint and an ApiKey, and waits until every replica serves them', async () => {
    await apply(lakeSecretObject, dataset('visits'), endpoint('visits-daily', 'visits'), mintedKey('acme-dashboard', ['visits_daily']));
    for (const target of [visits, daily, key]) await waitReady(target);
    expect((await get(visits)).status).toMatchObject({
      gateways: { ready: 2, total: 2 },
      activeSnapshot: { id: '2026-05-30T00', rows: 3 },
    });
  });

  test('calls the endpoint through the Service with the minted token, and sees one tenant only', async () => {
    token = await secretValue('acme-dashboard-token', 'token');
    expect(token.length).toBeGreaterThan(20);
    const answer = await call(await serviceUrl(), path, token);
    expect(answer).toMatchObject({ status: 200, snapshot: '2026-05-30T00', version: 1 });
    expect(answer.rows).toEqual([
      { day: '2026-05-29', visits: 3 },
      { day: '2026-05-30', visits: 4 },
    ]);
    expect((await gatewayPods()).map(({ name }) => name)).toContain(answer.pod);
  });

  test('gets the same answer from each replica, which says its name', async () => {
    const answers = await callEach(`${path}?from=2026-05-30`, token);
    expect(answers.map(({ pod }) => pod).toSorted()).toEqual(['offloader-gateway-0', 'offloader-gateway-1']);
    for (const { rows } of answers) expect(rows).toEqual([{ day: '2026-05-30', visits: 4 }]);
  });

  test('is refused without a key, and without a grant is told nothing', async () => {
    expect(await call(await serviceUrl(), path)).toMatchObject({ status: 401, family: 'unauthorized' });
    expect(await call(await serviceUrl(), '/v1/endpoints/another', token)).toMatchObject({ status: 404, family: 'not_found' });
  });

  describe('Rollout check: /ready 200; /live /status /metrics ok; /diagnostics 401 without and 200 with token, duckdb ok, snapshot id present; one real call per endpoint with snapshot_id + freshness + ≥1 row; 401, 422 (tenant smuggling), 404 (not granted); admin paths 404 on API port; runs non-root.', () => {
    const [other, otherKey] = ['endpoint.offloader.dev/visits-other', 'apikey.offloader.dev/acme-other'];
    const adminPaths = ['/ready', '/live', '/status', '/metrics', '/diagnostics', '/docs', '/openapi.json', '/schema'];
    const held = new Map<string, string>();
    const ask = async (url: string, bearer?: string): Promise<Response> =>
      fetch(url, { headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }, signal: AbortSignal.timeout(5000) });
    /** The same of every replica. */
    const ofEach = async <T>(look: (api: string, admin: string, name: string) => Promise<T>): Promise<readonly T[]> =>
      Promise.all((await gatewayPods()).map(async (pod) => look(pod.url, `http://${addressOf(pod)}:4001`, pod.name)));

    beforeAll(async () => {
      await apply(endpoint('visits-other', 'visits'), mintedKey('acme-other', ['visits_other']));
      for (const target of [other, otherKey]) await waitReady(target);
      held.set('visits_daily', token);
      held.set('visits_other', await secretValue('acme-other-token', 'token'));
    });
    afterAll(async () => remove(otherKey, other));

    test('the admin port of every replica', async () => {
      const statuses = await ofEach(async (_api, admin) =>
        Promise.all(['/ready', '/live', '/status', '/metrics', '/diagnostics'].map(async (of) => (await ask(`${admin}${of}`)).status)),
      );
      expect(statuses).toEqual([
        [200, 200, 200, 200, 401],
        [200, 200, 200, 200, 401],
      ]);
      const adminToken = await secretValue('offloader-gateway-secrets', 'adminToken');
      for (const answer of await ofEach(async (_api, admin) => ask(`${admin}/diagnostics`, adminToken))) {
        expect(answer.status).toBe(200);
        const report = (await answer.json()) as { readonly datasets: readonly object[] };
        expect(report).toMatchObject({ ready: true, duckdb_status: 'ok' });
        expect(report.datasets).toContainEqual(expect.objectContaining({ dataset: 'visits', active_snapshot: expect.objectContaining({ snapshot_id: '2026-05-30T00' }) })); // prettier-ignore
      }
    });

    test('every endpoint of the catalogue answers rows of a snapshot to its own key, and is not there for another', async () => {
      const names = await ofEach(async (_api, admin) => {
        const answer = await fetch(`${admin}/docs`, { headers: { accept: 'application/json' } });
        const { endpoints } = (await answer.json()) as { readonly endpoints: readonly { readonly name: string }[] };
        return endpoints.map(({ name }) => name);
      });
      expect(names).toEqual([[...held.keys()], [...held.keys()]]);
      for (const [name, own] of held)
        await ofEach(async (api) => {
          const at = `${api}/v1/endpoints/${name}`;
          const answer = await ask(at, own);
          const { data, meta } = (await answer.json()) as { readonly data: readonly object[]; readonly meta: object };
          expect([answer.status, data.length > 0]).toEqual([200, true]);
          expect(meta).toMatchObject({
            snapshot_id: '2026-05-30T00',
            freshness: {
              watermark: expect.any(String),
              age_seconds: expect.any(Number),
              max_staleness_minutes: 1560,
              stale: expect.any(Boolean),
            },
          });
          const [anothers = ''] = [...held].flatMap(([of, its]) => (of === name ? [] : [its]));
          const refused = [ask(at), ask(at, `${own}x`), ask(`${at}?tenant_id=globex`, own), ask(at, anothers)];
          expect((await Promise.all(refused)).map(({ status }) => status)).toEqual([401, 401, 422, 404]);
        });
    });

    test('nothing of the admin port on the port of the API', async () => {
      const statuses = await ofEach(async (api) => Promise.all(adminPaths.map(async (of) => (await ask(`${api}${of}`, token)).status)));
      expect(new Set(statuses.flat())).toEqual(new Set([404]));
    });

    test('processes of user 10001, which can write to their cache and nowhere else of the image', async () => {
      const work = `const write = (file) => { try { fs.writeFileSync(file, ''); fs.rmSync(file); return 'written'; } catch ({ code }) { return code; } };
        [process.getuid(), process.getgid(), write('/app/x'), write('/etc/offloader/config/x'), write('/var/cache/offloader/x')].join(' ')`;
      const told = await ofEach(async (_api, _admin, name) => kubectl('exec', name, '--', 'node', '-p', work));
      expect(told).toEqual(Array(2).fill('10001 10001 EROFS EROFS written'));
    });
  });

  test('sees a newer snapshot served by every replica, with no request failed', async () => {
    const { failures, requests } = await during({ urls: [await serviceUrl()], path, token }, async () => {
      await publish('visits', '2026-05-31T00', [
        ['acme', '2026-05-31', 70],
        ['globex', '2026-05-31', 901],
      ]);
      await servedEverywhere('2026-05-31T00');
    });
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(10);
    await named('2026-05-31T00');
    await waitReady(visits);
  });

  describe('Rollback is an edit of the Dataset resource, in two forms.', () => {
    test('by a block: both replicas answer from the one before', async () => {
      const { failures } = await during({ urls: [await serviceUrl()], path, token }, async () => {
        await patch(visits, { spec: { snapshot: { blocked: ['2026-05-31T00'] } } });
        await servedEverywhere('2026-05-30T00');
      });
      expect(failures).toEqual([]);
      await waitReady(visits);
      expect((await get(visits)).status).toMatchObject({ activeSnapshot: { id: '2026-05-30T00' }, gateways: { ready: 2, total: 2 } });
    });

    test('by a pin, when the block has been taken away again by an edit', async () => {
      await patch(visits, { spec: { snapshot: { blocked: null } } });
      await servedEverywhere('2026-05-31T00');
      await patch(visits, { spec: { snapshot: { pin: '2026-05-30T00' } } });
      await servedEverywhere('2026-05-30T00');
      await waitReady(visits);
      await patch(visits, { spec: { snapshot: { pin: null } } });
      await servedEverywhere('2026-05-31T00');
      await waitReady(visits);
      await named('2026-05-31T00');
    });
  });

  test('reads the columns of kubectl get', async () => {
    const [header = '', row = ''] = (await kubectl('get', visits)).split('\n');
    expect(header.split(/\s{2,}|\s(?=[A-Z])/).join(' ')).toContain('SNAPSHOT');
    expect(row).toContain('2026-05-31T00');
    expect(row).toContain('2/2');
  });

  test('revokes the key, and it is refused by every replica', async () => {
    await patch(key, { spec: { state: 'Revoked' } });
    await until(
      'every replica to refuse the key',
      async () => callEach(path, token),
      (answers) => answers.every(({ status }) => status === 401),
    );
    await waitReady(key);
  });
});
