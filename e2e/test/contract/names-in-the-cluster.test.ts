// The contract's section "Names in the cluster", its table: a release named otherwise, as Helm renders and as an API server keeps it.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { clientOf, startApiServer } from '../support/parts.ts';
import type { ApiServer } from '../support/parts.ts';
import { describeChart, find, helm, named, render, type Rendered } from '../support/chart.ts';

const server = helm === undefined ? { unavailable: 'no Helm' } : await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const chart = new URL('../../../helm/offloader', import.meta.url).pathname;
const run = promisify(execFile);

describeChart(
  'For a Helm release R in namespace N (default `offloader` in `offloader`; a release named `offloader` gives these without doubling)',
  () => {
    describe.each(['offloader', 'acme'])('R is %s', (release) => {
      let objects: readonly any[] = [];
      const object = (kind: string, name: string): any => find(objects, kind, name);
      beforeAll(async () => {
        objects = await render({}, release);
      });

      test('everything is in its namespace, but for what belongs to none', () => {
        const cluster = [
          'ClusterRole',
          'ClusterRoleBinding',
          'CustomResourceDefinition',
          'ValidatingAdmissionPolicy',
          'ValidatingAdmissionPolicyBinding',
        ];
        for (const { kind, metadata } of objects)
          expect([kind, metadata.namespace]).toEqual([kind, cluster.includes(kind) ? undefined : 'team']);
      });

      test('operator Deployment, ServiceAccount, Lease: `R-operator`', () => {
        const { spec } = object('Deployment', `${release}-operator`).spec.template;
        expect(spec.serviceAccountName).toBe(`${release}-operator`);
        expect(named(objects, 'ServiceAccount')).toContain(`${release}-operator`);
        // The operator names its Lease by the release that it is told.
        expect(spec.containers[0].env).toContainEqual({ name: 'OFFLOADER_RELEASE', value: release });
        expect(object('Role', `${release}-operator`).rules).toContainEqual({
          apiGroups: ['coordination.k8s.io'],
          resources: ['leases'],
          verbs: ['get', 'create', 'update'],
        });
      });

      test('gateway StatefulSet; claims: `R-gateway`; `cache-R-gateway-0` …', () => {
        const { spec } = object('StatefulSet', `${release}-gateway`);
        // A claim is named by its template, the StatefulSet and a number.
        expect(spec.volumeClaimTemplates.map(({ metadata }: Rendered) => `${metadata.name}-${release}-gateway-0`)).toEqual([
          `cache-${release}-gateway-0`,
        ]);
        expect(spec.replicas).toBe(2);
        expect(spec.serviceName).toBe(`${release}-gateway-pods`);
      });

      test('API Service; admin Service; headless Service: `R-gateway` port 4000; `R-gateway-admin` port 4001; `R-gateway-pods`', () => {
        expect(named(objects, 'Service').toSorted()).toEqual([`${release}-gateway`, `${release}-gateway-admin`, `${release}-gateway-pods`]);
        const ports = (name: string): readonly number[] => object('Service', name).spec.ports.map(({ port }: { port: number }) => port);
        expect([ports(`${release}-gateway`), ports(`${release}-gateway-admin`)]).toEqual([[4000], [4001]]);
        expect(object('Service', `${release}-gateway-pods`).spec.clusterIP).toBe('None');
        const { labels } = object('StatefulSet', `${release}-gateway`).spec.template.metadata;
        for (const name of named(objects, 'Service')) expect(labels).toMatchObject(object('Service', name).spec.selector);
      });

      test('configuration parts; key hashes: ConfigMaps `R-gateway-config-*` with the index in `R-gateway-config`; Secret `R-gateway-keys`', () => {
        const { volumes } = object('StatefulSet', `${release}-gateway`).spec.template.spec;
        const sources: readonly any[] = volumes.find(({ name }: { name: string }) => name === 'config').projected.sources;
        const [index, ...parts] = sources.flatMap(({ configMap }) => configMap?.name ?? []);
        expect([index, [...new Set(parts.map((name: string) => name.replace(/[0-9]+$/, '*')))]]).toEqual([
          `${release}-gateway-config`,
          [`${release}-gateway-config-*`],
        ]);
        expect(sources.flatMap(({ secret }) => secret?.name ?? [])).toContain(`${release}-gateway-keys`);
      });
    });

    describe('chart: `helm/offloader`; values `gateway.replicas`, `gateway.auth` (required or none), `gateway.cache.size`, `gateway.cache.storageClassName`, `gateway.env`, `gateway.image.*`, `operator.replicas`, `operator.image.*`, `crds.enabled`, `crds.keep`, `serviceMonitor.enabled`, `prometheusRule.enabled`, `networkPolicy.enabled`', () => {
      const gateway = (objects: readonly any[]): any => find(objects, 'StatefulSet', 'acme-gateway').spec;
      const operator = (objects: readonly any[]): any => find(objects, 'Deployment', 'acme-operator').spec;
      const container = (spec: any): any => spec.template.spec.containers[0];
      const variable = (spec: any, name: string): unknown => container(spec).env.find((one: any) => one.name === name)?.value;
      const counts =
        (...kinds: readonly string[]) =>
        (objects: readonly any[]): unknown =>
          kinds.map((kind) => named(objects, kind).length);
      const keeps = (objects: readonly any[]): unknown =>
        find(objects, 'CustomResourceDefinition', 'datasets.offloader.dev').metadata.annotations?.['helm.sh/resource-policy'];
      test.each<[name: string, value: string, shown: (objects: readonly any[]) => unknown, without: unknown, expected: unknown]>([
        ['gateway.replicas', '3', (of) => gateway(of).replicas, 2, 3],
        ['gateway.auth', 'none', (of) => variable(operator(of), 'OFFLOADER_AUTH'), 'required', 'none'],
        ['gateway.cache.size', '7Gi', (of) => gateway(of).volumeClaimTemplates[0].spec.resources.requests.storage, '20Gi', '7Gi'],
        ['gateway.cache.storageClassName', 'fast', (of) => gateway(of).volumeClaimTemplates[0].spec.storageClassName, undefined, 'fast'],
        ['gateway.env.OFFLOADER_POOL_SIZE', '4', (of) => variable(gateway(of), 'OFFLOADER_POOL_SIZE'), undefined, '4'],
        ['gateway.image.repository', 'mirror/gw', (of) => container(gateway(of)).image, 'offloader-gateway:0.1.0', 'mirror/gw:0.1.0'],
        ['gateway.image.tag', 'v9', (of) => container(gateway(of)).image, 'offloader-gateway:0.1.0', 'offloader-gateway:v9'],
        ['gateway.image.pullPolicy', 'Always', (of) => container(gateway(of)).imagePullPolicy, 'IfNotPresent', 'Always'],
        ['operator.replicas', '2', (of) => operator(of).replicas, 1, 2],
        ['operator.image.repository', 'mirror/op', (of) => container(operator(of)).image, 'offloader-operator:0.1.0', 'mirror/op:0.1.0'],
        ['operator.image.tag', 'v9', (of) => container(operator(of)).image, 'offloader-operator:0.1.0', 'offloader-operator:v9'],
        ['operator.image.pullPolicy', 'Always', (of) => container(operator(of)).imagePullPolicy, 'IfNotPresent', 'Always'],
        ['crds.enabled', 'false', counts('CustomResourceDefinition'), [3], [0]],
        ['crds.keep', 'false', keeps, 'keep', undefined],
        ['serviceMonitor.enabled', 'true', counts('ServiceMonitor', 'PodMonitor'), [0, 0], [1, 1]],
        ['prometheusRule.enabled', 'true', counts('PrometheusRule'), [0], [1]],
        ['networkPolicy.enabled', 'true', counts('NetworkPolicy'), [0], [2]],
      ])('%s: %s', async (name, value, shown, without, expected) => {
        expect([shown(await render({}, 'acme')), shown(await render({ [name]: value }, 'acme'))]).toEqual([without, expected]);
      });

      test('Values: images as `image: {repository, tag, pullPolicy}`; `gateway.env` a map of name to value; CRDs rendered by the chart, switched by `crds.enabled`.', async () => {
        for (const path of ['gateway.image', 'operator.image', 'gateway.env', 'gateway.env.OFFLOADER_POOL_SIZE.value'])
          await expect(render({ [path]: 'text' }, 'acme')).rejects.toThrow(/schema/);
        for (const path of ['gateway.image.registry', 'operator.image.digest'])
          await expect(render({ [path]: 'text' }, 'acme')).rejects.toThrow(/schema/);
      });
    });
  },
);

there(
  'secrets made at install if none are given, kept on upgrade: Secret `R-gateway-secrets` with `secretKeyBase` and `adminToken`',
  () => {
    const { kubeconfig, stop } = server as ApiServer;
    afterAll(async () => {
      client.close();
      await stop();
    });
    const helmRun = async (...args: readonly string[]): Promise<string> =>
      (await run(helm ?? '', [...args, '--kubeconfig', kubeconfig, '--namespace', 'team'], { maxBuffer: 16 * 2 ** 20 })).stdout;
    const client = clientOf(kubeconfig);
    const secrets = async (release: string): Promise<Readonly<Record<string, string>>> =>
      (await client.request({ method: 'GET', path: `/api/v1/namespaces/team/secrets/${release}-gateway-secrets` })).data;

    test('in a namespace of a release named otherwise', async () => {
      await helmRun('install', 'acme', chart, '--create-namespace');
      const first = await secrets('acme');
      expect(Object.keys(first).toSorted()).toEqual(['adminToken', 'secretKeyBase']);
      for (const value of Object.values(first)) expect(Buffer.from(value, 'base64').length).toBeGreaterThanOrEqual(32);
      await helmRun('upgrade', 'acme', chart, '--set', 'gateway.replicas=3');
      expect(await secrets('acme')).toEqual(first);
      // Given ones are taken, and nothing is made where a Secret is named.
      const given = 'a key base of somebody that is long enough for it';
      await helmRun('upgrade', 'acme', chart, '--set', `gateway.secretKeyBase=${given}`);
      expect(await secrets('acme')).toEqual({ ...first, secretKeyBase: Buffer.from(given).toString('base64') });
      expect(named(await render({ 'gateway.existingSecret': 'mine' }, 'acme'), 'Secret')).toEqual([]);
    });
  },
);
