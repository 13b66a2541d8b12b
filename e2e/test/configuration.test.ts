/**
 * The contract's "Configuration and hot sync" across operator and gateway: the same manifests once applied to a real API server, whose
 * operator writes what one gateway mounts, and once as the files of a folder that another gateway reads by itself.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GatewayPod } from './support/gateway-pod.ts';
import { adminToken, clientOf, createLake, installCrds, manifests, startApiServer, startProcess, until, visits } from './support/parts.ts';
import type { ApiServer, GatewayProcess, Lake, Operator, World } from './support/parts.ts';
import { Worlds } from './support/worlds.ts';

const { apiKey, endpoint, visitsDataset } = manifests;
const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

there('one configuration, in two ways', () => {
  let lake: Lake;
  let world: World;
  let operator: Operator;
  let mounted: GatewayPod;
  let standalone: GatewayProcess;

  // Replicas of a cluster wait for one another unless told otherwise; a gateway by itself has none to wait for.
  const good = (): readonly any[] => [
    visitsDataset(lake.url, { snapshot: { activation: 'Immediate' } }),
    endpoint('daily', { freshness: { maxStaleness: '26h' }, description: 'Visits per day' }),
    endpoint('scan', { servingMode: 'RemoteScan', pagination: { defaultLimit: 5, maxLimit: 20 } }),
    apiKey('acme'),
    apiKey('narrow', { tenant: 'beta', endpoints: ['daily'] }),
  ];
  const selecting = (column: string) => ({ query: { select: [{ as: 'one', column }] }, columns: ['one'], params: [] });
  /** What only another object shows to be wrong; what one shows by itself is refused by the API server. */
  const bad = (): readonly any[] => [
    endpoint('lost', { datasetRef: { name: 'nowhere' } }),
    endpoint('wrong', selecting('nothing')),
    endpoint('smuggled', { ...selecting('visits'), tenant: { column: 'day' } }),
  ];
  const applied = async (objects: readonly any[], ready: 'True' | 'False'): Promise<readonly any[]> => {
    for (const { kind, metadata, spec } of objects) await world.apply(kind, metadata.name, spec);
    return Promise.all(objects.map(async ({ kind, metadata }) => world.settled(kind, metadata.name, ready)));
  };
  const admin = async (path: string): Promise<readonly any[]> =>
    Promise.all(
      [mounted.adminUrl, `http://127.0.0.1:${String(standalone.adminPort)}`].map(async (url) =>
        (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${adminToken}`, accept: 'application/json' } })).json(),
      ),
    );
  /** An answer without what differs from one request to the next. */
  const answer = async (url: string, path: string, token: string): Promise<unknown> => {
    const response = await fetch(`${url}/v1/endpoints/${path}`, { headers: { authorization: `Bearer ${token}` } });
    const text = await response.text();
    const said = text.replaceAll(/"(request_id|generated_at)":"[^"]*"/g, '').replaceAll(/"(age_seconds)":\d+/g, '');
    return { status: response.status, type: response.headers.get('content-type'), cached: response.headers.get('cache-control'), said };
  };

  beforeAll(async () => {
    const { kubeconfig } = server as ApiServer;
    const client = clientOf(kubeconfig);
    await installCrds(client);
    client.close();
    lake = await createLake();
    await lake.publish('a1', visits(1));
    world = await new Worlds(kubeconfig, 'configuration').open();
    mounted = await GatewayPod.add(world);
    operator = await world.startOperator();
    // With a name: the documents tell of the header that it is sent in.
    standalone = await startProcess(good(), { OFFLOADER_ADMIN_TOKEN: adminToken, OFFLOADER_POD_NAME: 'by-itself' });
    await applied(good(), 'True');
  });
  afterAll(async () => {
    await world.close();
    await standalone.end();
    await lake.remove();
    await (server as ApiServer).stop();
  });

  test('OFFLOADER_CONFIG is a directory: the compiled configuration that the operator writes (mounted), or, standalone, a folder of the same Dataset, Endpoint and ApiKey manifests that one would apply with kubectl.', async () => {
    for (const [path, token, status] of [
      ['daily', 'acme-token', 200],
      ['daily?from=2026-01-05&to=2026-01-09&limit=3', 'acme-token', 200],
      ['daily', 'narrow-token', 200],
      ['daily.csv', 'acme-token', 200],
      ['scan?offset=3', 'acme-token', 200],
      ['scan', 'narrow-token', 404],
      ['scan?limit=21', 'acme-token', 422],
      ['daily?tenant_id=beta', 'acme-token', 422],
      ['daily', 'nobody', 401],
    ] as const) {
      const answers = await Promise.all([mounted.apiUrl, `http://127.0.0.1:${String(standalone.apiPort)}`].map(async (url) => answer(url, path, token)));
      expect(answers[0]).toMatchObject({ status });
      expect(answers[0]).toEqual(answers[1]);
    }
  }); // prettier-ignore

  describe('Both go through one compiler.', () => {
    test('the same revision, the same documents', async () => {
      const [ofMounted, ofStandalone] = await admin('/diagnostics');
      expect(ofMounted.config_revision).toBe(ofStandalone.config_revision);
      expect(ofMounted.config_sync.sequence).toBeGreaterThan(0);
      expect(ofStandalone.config_sync.sequence).toBe(0);
      for (const path of ['/docs', '/openapi.json', '/schema']) {
        const [one, other] = await admin(path);
        expect(JSON.stringify(one)).toContain('daily');
        expect(one).toEqual(other);
      }
    });

    test('the same findings: field, code and what mends it', async () => {
      const statuses = await applied(bad(), 'False');
      await standalone.write([...good(), ...bad()]);
      let sync: any;
      await until('the folder to be refused', async () => {
        sync = (await admin('/diagnostics'))[1].config_sync;
        return sync.result === 'error';
      });
      const said = (sync.error as string).split('\n');
      expect(said.length).toBeGreaterThanOrEqual(bad().length);
      for (const line of said) {
        // `Endpoint/lost spec.datasetRef.name unknown_dataset: message (hint)`
        const [, name = '', path = '', code = '', message = ''] = /^Endpoint\/(\S+) (\S+) (\S+): (.+)$/.exec(line) ?? [];
        const status = statuses[bad().findIndex(({ metadata }) => metadata.name === name)];
        const stalled = status.conditions.find(({ type }: { type: string }) => type === 'Stalled');
        expect([line, code.length > 0, stalled?.message]).toEqual([line, true, expect.stringContaining(path)]);
        expect(stalled.message).toContain(message);
      }
      // In a folder an edit is one act; in a cluster every object is judged by itself.
      expect((await admin('/docs')).map(({ endpoints }) => endpoints.map(({ name }: { name: string }) => name))).toEqual([
        ['daily', 'scan'],
        ['daily', 'scan'],
      ]);
    });
  });

  describe('Credential values never appear in logs, errors, diagnostics, crash output; quotes in values are escaped.', () => {
    const canary = 'cnryqzx';
    const odd = (name: string): string => `${name} ${canary} ' '' " \\ \\" \${HOME} %s ;--\n{"${canary}": '${canary}'}`;

    test('in a cluster: statuses, Events, configuration, what the operator tells, what the gateway tells', async () => {
      const body = { metadata: { name: 'odd' }, stringData: { serviceAccountJson: `{"private_key": ${odd('json')}`, accessKeyId: odd('key'), secretAccessKey: odd('secret') } };
      await world.client.request({ method: 'POST', path: world.path('secrets'), body });
      const source = (url: string) => ({ source: { manifest: { url }, interval: '1s', credentialsSecretRef: { name: 'odd' }, s3: { endpoint: 'http://127.0.0.1:9', forcePathStyle: true } } });
      const { s3: _none, ...google } = source('gs://lake/m.json').source;
      const datasets = [visitsDataset('', source('s3://lake/m.json')), visitsDataset('', { source: google })];
      for (const [n, { spec }] of datasets.entries()) await world.apply('Dataset', `locked-${String(n)}`, spec);
      const messages = async (): Promise<readonly string[]> =>
        Promise.all(datasets.map(async (_one, n) => JSON.stringify((await world.get('Dataset', `locked-${String(n)}`)).status ?? {})));
      await until('both to be told why they are not served', async () => (await messages()).every((text) => /"type":"SourceReachable"[^}]*"status":"False"|"status":"False"[^}]*"type":"SourceReachable"/.test(text)));
      const parts = await world.client.request({ method: 'GET', path: world.path('configmaps') });
      const told = [await messages(), await world.events(), parts, operator.seen, await mounted.diagnostics(), await mounted.metrics()].map((one) => JSON.stringify(one));
      expect(told.map((text) => [text.length > 20, text.includes(canary)])).toEqual(told.map(() => [true, false]));
    }); // prettier-ignore
  });
});
