/** One bad object is told so and harms nobody: its last good form keeps serving, the others converge. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { callEach } from './support/gateways.ts';
import { apply, get, patch, remove, secretValue, waitReady } from './support/kubectl.ts';
import { ensureLake, lakeSecretObject, publish } from './support/lake.ts';
import { dataset, endpoint, mintedKey, pathOf } from './support/resources.ts';
import { until } from './support/until.ts';

const data = 'dataset.offloader.dev/judged';
const [good, bad] = ['endpoint.offloader.dev/judged-daily', 'endpoint.offloader.dev/judged-lost'];
const key = 'apikey.offloader.dev/judged-key';
let token = '';

const conditionOf = async (target: string, type: string) => (await get(target)).status?.conditions?.find((one) => one.type === type);

beforeAll(async () => {
  await ensureLake();
  await publish('judged', 's1', [['acme', '2026-05-30', 4]]);
  await apply(lakeSecretObject, dataset('judged'), endpoint('judged-daily', 'judged'), mintedKey('judged-key', ['*']));
  for (const target of [data, good, key]) await waitReady(target);
  token = await secretValue('judged-key-token', 'token');
});
afterAll(async () => {
  await remove(key, good, bad, data);
});

describe('a bad object', () => {
  test('whose fault shows alone is refused by the API server, in words that mend it', async () => {
    const refused = apply({ ...dataset('judged-refused'), spec: { ...dataset('judged-refused').spec, source: {} } });
    await expect(refused).rejects.toThrow(/manifest|databricks/);
    await expect(apply(endpoint('judged-refused', 'judged', { version: 'first' }))).rejects.toThrow(/version/);
  });

  test('that names a dataset that is not there is Ready=False and Stalled, and says which field', async () => {
    await apply(endpoint('judged-lost', 'no-such-dataset'));
    const stalled = await until(
      'Stalled',
      async () => conditionOf(bad, 'Stalled'),
      (condition) => condition?.status === 'True',
    );
    expect(stalled?.message).toContain('datasetRef');
    expect(await conditionOf(bad, 'Ready')).toMatchObject({ status: 'False' });
  });

  test('keeps nobody else from converging', async () => {
    await patch(good, { spec: { version: 2 } });
    await waitReady(good);
    expect((await callEach(pathOf('judged-daily'), token)).map(({ status, version }) => [status, version])).toEqual([
      [200, 2],
      [200, 2],
    ]);
  });

  test('that was good before keeps serving its last good form, until it is mended', async () => {
    await patch(good, { spec: { version: 3, datasetRef: { name: 'no-such-dataset' } } });
    await until(
      'Stalled',
      async () => conditionOf(good, 'Stalled'),
      (condition) => condition?.status === 'True',
    );
    expect((await callEach(pathOf('judged-daily'), token)).map(({ status, version }) => [status, version])).toEqual([
      [200, 2],
      [200, 2],
    ]);
    await patch(good, { spec: { datasetRef: { name: 'judged' } } });
    await waitReady(good);
    expect((await callEach(pathOf('judged-daily'), token)).map(({ version }) => version)).toEqual([3, 3]);
  });
});
