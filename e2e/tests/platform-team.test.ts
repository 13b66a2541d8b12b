/** What a platform team does with kubectl alone: declare, publish, roll back, revoke; consumers see each within seconds. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { call, callEach, gatewayPods, serviceUrl } from './support/gateways.ts';
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
    await until(
      'status to name the new snapshot',
      async () => get(visits),
      ({ status }) => (status?.['activeSnapshot'] as { id?: string } | undefined)?.id === '2026-05-31T00',
    );
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
      { withinMs: 10_000 },
    );
    await waitReady(key);
  });
});
