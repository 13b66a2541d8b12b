/**
 * The contract's section on the support bundle, its last sentence: a real API server and operator, and a real gateway process
 * that the API server reaches through the kubelet of its node.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { withForward } from '../../src/kubernetes/forward.ts';
import { dataset, endpoint, installCrds, openNode, openWorld, startApiServer } from '../cluster-world.ts';
import type { ApiServer, Node, World } from '../cluster-world.ts';
import { countedFiles, openBundle } from '../opened-bundle.ts';
import type { OpenedBundle } from '../opened-bundle.ts';
import { canary, plantedLog } from '../planted-secrets.ts';
import { offloader } from '../run-offloader.ts';
import type { Ran } from '../run-offloader.ts';
import { adminToken, layOutUsage, newFolder, publishUsage, serve, until } from '../served.ts';
import type { Served } from '../served.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const [reached, lost] = ['offloader-gateway-0', 'offloader-gateway-1'];
const operatorPod = 'offloader-operator-7d9f';

describe('It also holds metrics, status, the custom resources, recent events and logs, versions and the triage verdict, and lists what it could not fetch.', () => {
  there('of a release on a real API server', () => {
    const api = server as ApiServer;
    let folder: string;
    let world: World;
    let node: Node;
    let gateway: Served;
    let ran: Ran;
    let bundle: OpenedBundle;
    let minted: string;
    const file = (path: string): string => bundle.files.get(path) ?? `there is no ${path}`;
    const post = (plural: string, body: object) => world.client.request({ method: 'POST', path: world.path(plural), body });

    /** A gateway process whose dataset cannot reach its source. */
    const startGateway = async (): Promise<Served> => {
      const config = await layOutUsage(folder);
      const usage = join(config, 'dataset.yaml');
      const broken = `---\n${(await readFile(usage, 'utf8')).replace('name: usage', 'name: broken').replace('usage/manifest.json', 'nowhere.json')}`;
      await writeFile(join(config, 'broken.yaml'), broken);
      expect(await publishUsage(folder, 'first')).toMatchObject({ code: 0 });
      const served = (await serve(config, join(folder, 'cache'))) as Served;
      await until('the attempts', async () =>
        /offloader_refresh_ok\{dataset="broken"\} 0/.test(await (await fetch(`${served.admin}/metrics`)).text()),
      );
      return served;
    };
    const plantSecrets = async (): Promise<void> => {
      await post('secrets', {
        metadata: { name: 'offloader-gateway-secrets' },
        stringData: { adminToken, secretKeyBase: `${canary}-base` },
      });
      await post('secrets', { metadata: { name: 'lake-reader' }, stringData: { secretAccessKey: `${canary}-lake` } });
      await post('events', {
        ...{ metadata: { name: 'planted' }, involvedObject: { kind: 'Pod', name: reached, namespace: world.namespace }, type: 'Warning' },
        ...{ reason: 'FailedMount', message: `Authorization: Bearer ${canary}-event was refused` },
      });
      const applied = {
        'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ env: [{ name: 'API_KEY', value: `${canary}-annotation` }] }),
      };
      await world.apply('Dataset', 'visits', dataset(), applied);
    };
    const startOperator = async (): Promise<void> => {
      const { httpPort } = await world.startOperator();
      const env = [{ name: 'OFFLOADER_ADMIN_TOKEN', value: `${canary}-variable` }];
      await post('pods', {
        metadata: { name: operatorPod, labels: { 'app.kubernetes.io/instance': 'offloader', 'app.kubernetes.io/component': 'operator' } },
        spec: { containers: [{ name: 'operator', image: 'registry.example/offloader-operator:9.9.9', env }] },
      });
      const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      const path = world.path('pods', `${operatorPod}/status`);
      await world.client.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: { status } });
      node.ports.set(`${operatorPod}:8080`, httpPort);
    };

    beforeAll(async () => {
      folder = await newFolder();
      await installCrds(api.kubeconfig);
      world = await openWorld(api.kubeconfig, 'support');
      node = await openNode(world);
      await plantSecrets();
      await world.apply('Endpoint', 'daily', endpoint());
      await world.apply('ApiKey', 'acme', { tenant: 'acme', endpoints: ['daily'], tokenSecret: { name: 'acme-token' } });
      await startOperator();
      for (const pod of [reached, lost, operatorPod]) await node.take(pod);
      gateway = await startGateway();
      node.ports.set(`${reached}:4001`, Number(new URL(gateway.admin).port));
      for (const pod of [reached, operatorPod]) node.logs.set(pod, plantedLog());
      for (const [kind, name] of [['Dataset', 'visits'], ['Endpoint', 'daily'], ['ApiKey', 'acme']] as const) await world.settled(kind, name, 'True'); // prettier-ignore
      const secret = await world.client.request({ method: 'GET', path: world.path('secrets', 'acme-token') });
      minted = Buffer.from(secret.data.token, 'base64').toString();
      const out = join(folder, 'bundle.tar.gz');
      const options = ['--kubeconfig', api.kubeconfig, '--namespace', world.namespace];
      ran = await offloader(['support-bundle', '--out', out, ...options], { entry: 'kubectl.ts' });
      bundle = await openBundle(out);
    });
    afterAll(async () => {
      await gateway.stop();
      await node.stop();
      await world.close();
      await api.stop();
      await rm(folder, { recursive: true, force: true });
    });

    test('metrics and status of gateways and operator', () => {
      expect(ran).toMatchObject({ code: 0, err: '' });
      expect(file(`gateways/${reached}/metrics.txt`)).toContain('offloader_refresh_ok{dataset="broken"} 0');
      expect(JSON.parse(file(`gateways/${reached}/status.json`))).toMatchObject({ ready: expect.any(Boolean) });
      expect(JSON.parse(file(`gateways/${reached}/diagnostics.json`)).datasets).toHaveLength(2);
      expect(file(`operators/${operatorPod}/metrics.txt`)).toMatch(/^offloader_operator_leader\S* 1$/m);
      expect(file(`operators/${operatorPod}/readyz.txt`)).toMatch(/ok/);
    });

    test('the custom resources of all kinds with their status, and the pods', () => {
      expect(file('resources/datasets.yaml')).toMatch(/name: visits[^]*activeSnapshot:/);
      expect(file('resources/endpoints.yaml')).toContain('name: daily');
      expect(file('resources/apikeys.yaml')).toMatch(/name: acme\n[^]*type: Ready/);
      expect(file('pods/gateway.yaml')).toMatch(new RegExp(`name: ${reached}[^]*name: ${lost}`));
      expect(file('pods/operator.yaml')).toContain('OFFLOADER_ADMIN_TOKEN');
      expect([...bundle.files.values()].join()).not.toContain('managedFields');
    });

    test('recent events and logs', () => {
      expect(file('events.yaml')).toMatch(/reason: FailedMount/);
      for (const pod of [reached, operatorPod]) expect(file(`logs/${pod}.log`)).toContain('an innocent line');
    });

    test('a connection to a pod is over with the work that it was opened for, whoever would keep it alive', async () => {
      const config = new KubeConfig();
      config.loadFromFile(api.kubeconfig);
      const before = node.forwards.opened;
      const to = { namespace: world.namespace, pod: reached, port: 4001 };
      expect(await withForward(config, to, async (url) => (await fetch(`${url}/live`)).text())).toContain('ok');
      expect(node.forwards.opened).toBe(before + 1);
      await until('the forward to be closed', async () => node.forwards.open === 0);
    });

    test('versions: of the command, Kubernetes, and each pod', () => {
      expect(bundle.manifest.versions).toEqual({
        offloader: expect.stringMatching(/^\d+\.\d+/),
        node: process.versions.node,
        kubernetes: expect.stringMatching(/^v1\.\d+/),
        [reached]: JSON.parse(file(`gateways/${reached}/diagnostics.json`)).build_version,
        [lost]: 'none',
        [operatorPod]: 'registry.example/offloader-operator:9.9.9',
      });
    });

    test('the verdict of triage, over the release and of each gateway', () => {
      expect(file('triage.txt')).toMatch(
        /refresh_rejected: owner UpstreamData, dataset broken|source_unreachable: owner Environment, dataset broken/,
      );
      expect(file(`gateways/${reached}/triage.txt`)).toContain('dataset broken');
    });

    test('what it could not fetch is listed in the manifest and printed', () => {
      const missing = bundle.manifest.not_fetched.map(({ what }) => what).sort();
      expect(missing).toEqual(
        [`logs of ${lost}`, ...['/diagnostics', '/metrics', '/ready', '/status'].map((path) => `${lost}: ${path}`)].sort(),
      );
      for (const { what, why } of bundle.manifest.not_fetched) {
        expect(why).not.toBe('');
        expect(ran.out).toContain(`not fetched: ${what}: ${why}`);
      }
    });

    test('nowhere is a secret of the cluster: not of Secrets, events, annotations, variables, logs, nor a minted token', () => {
      for (const text of [...bundle.files.values(), ran.out, ran.err])
        for (const secret of [canary, adminToken, minted, Buffer.from(canary).toString('base64').slice(0, -2)])
          expect(text).not.toContain(secret);
      expect(minted).toMatch(/^ofl_/);
    });

    test('checksums are of the redacted bytes', () => {
      const listed = bundle.manifest.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
      expect(listed.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual(countedFiles(bundle));
    });
  });
});
