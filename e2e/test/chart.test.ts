/** The chart as Helm renders it: the documented names, the restricted profile, the operator's own list of permissions. */
import { readFileSync, readdirSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { labels, maxConfigParts, mounted, objectNames } from '@offloader/contract';
import { clusterPermissions, permissions, volumePermissions } from '@offloader/operator';
import type { Permission } from '@offloader/operator';
import { describeChart as suite, find, named, render, type Rendered } from './support/chart.ts';

const root = new URL('../../', import.meta.url);

const envOf = ({ spec }: Rendered): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries((spec.template.spec.containers[0]?.env ?? []).map(({ name, value }) => [name, value]));

const rulesOf = (list: readonly Permission[]) => list.map(({ apiGroups, resources, verbs }) => ({ apiGroups, resources, verbs }));

suite('the chart without any values', () => {
  let objects: readonly Rendered[] = [];
  beforeAll(async () => {
    objects = await render();
  });

  test('carries the three kinds and their policy as generated, and leaves them when the release goes', async () => {
    for (const file of readdirSync(new URL('crds/', root)))
      expect(readFileSync(new URL(`helm/offloader/files/crds/${file}`, root), 'utf8')).toBe(
        readFileSync(new URL(`crds/${file}`, root), 'utf8'),
      );
    const kinds = ['CustomResourceDefinition', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];
    const counts = (rendered: readonly Rendered[]) => kinds.map((kind) => named(rendered, kind).length);
    expect(counts(objects)).toEqual([3, 1, 1]);
    const keptBy = (rendered: readonly Rendered[]) =>
      rendered.filter(({ kind }) => kinds.includes(kind)).map(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy']);
    expect(keptBy(objects)).toEqual(Array(5).fill('keep'));
    expect(keptBy(await render({ 'crds.keep': 'false' }))).toEqual(Array(5).fill(undefined));
    expect(counts(await render({ 'crds.enabled': 'false' }))).toEqual([0, 0, 0]);
    // A policy is for API servers that know one.
    expect(counts(await render({}, 'offloader', '1.29.0'))).toEqual([3, 0, 0]);
  });

  test('lets the operator do what it says it does, in its namespace, and nothing by wildcard', () => {
    const role = find(objects, 'Role', 'offloader-operator');
    expect(role.metadata.namespace).toBe('team');
    expect(role.rules).toEqual(rulesOf([...permissions, ...volumePermissions]));
    expect(JSON.stringify(role.rules)).not.toContain('*');
  });

  test('gives it one right beyond its namespace, by a switch that takes all rights over volumes away', async () => {
    const ofOperator = (rendered: readonly Rendered[]) =>
      [...named(rendered, 'ClusterRole'), ...named(rendered, 'ClusterRoleBinding')].filter((name) => name.includes('operator'));
    expect(ofOperator(objects)).toEqual(['offloader-operator-volumes-team', 'offloader-operator-volumes-team']);
    expect(find(objects, 'ClusterRole', 'offloader-operator-volumes-team').rules).toEqual(rulesOf(clusterPermissions));
    const off = await render({ 'operator.volumeQuarantine.enabled': 'false' });
    expect(ofOperator(off)).toEqual([]);
    expect(find(off, 'Role', 'offloader-operator').rules).toEqual(rulesOf(permissions));
    expect(envOf(find(off, 'Deployment', 'offloader-operator'))).toMatchObject({ OFFLOADER_VOLUME_QUARANTINE: 'false' });
  });

  test('mounts every part of the configuration, all optional, in one volume', () => {
    const names = objectNames('offloader');
    const { volumes } = find(objects, 'StatefulSet', names.gateway).spec.template.spec;
    const one = (kind: 'configMap' | 'secret', name: string, file: string) => ({
      [kind]: { name, optional: true, items: [{ key: file, path: file }] },
    });
    expect(volumes?.find(({ name }) => name === 'config')?.projected?.sources).toEqual([
      one('configMap', names.index, mounted.index),
      ...Array.from({ length: maxConfigParts }, (_, n) => one('configMap', names.part(n), mounted.part(n))),
      one('secret', names.keys, mounted.keys),
      one('secret', names.credentials, mounted.credentials),
    ]);
  });

  test('asks for nothing that the restricted profile refuses, and gives gateways no access to the API', () => {
    for (const [kind, name] of [['Deployment', 'offloader-operator'] as const, ['StatefulSet', 'offloader-gateway'] as const]) {
      const { spec } = find(objects, kind, name).spec.template;
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } });
      for (const { securityContext } of spec.containers)
        expect(securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    }
    expect(find(objects, 'StatefulSet', 'offloader-gateway').spec.template.spec.automountServiceAccountToken).toBe(false);
  });

  test('Gateways are a StatefulSet with a cache volume each.', () => {
    const { spec } = find(objects, 'StatefulSet', 'offloader-gateway') as any;
    expect(spec.volumeClaimTemplates.map(({ metadata }: Rendered) => metadata.name)).toEqual(['cache']);
    const [gateway] = spec.template.spec.containers;
    expect(gateway.volumeMounts).toContainEqual({ name: 'cache', mountPath: '/var/cache/offloader' });
    expect(gateway.env).toContainEqual({ name: 'OFFLOADER_CACHE_DIR', value: '/var/cache/offloader' });
  });

  test('They hold no Kubernetes credentials and no API access: configuration arrives as mounted ConfigMaps and a Secret of key hashes.', () => {
    const { automountServiceAccountToken, volumes } = find(objects, 'StatefulSet', 'offloader-gateway').spec.template.spec;
    expect(automountServiceAccountToken).toBe(false);
    const subjects = (objects as readonly any[]).flatMap((object) => object.subjects ?? []).map(({ name }) => name);
    expect(subjects).toEqual(['offloader-operator', 'offloader-operator']);
    const sources = volumes?.find(({ name }) => name === 'config')?.projected?.sources ?? [];
    expect([...new Set(sources.flatMap((source) => Object.keys(source)))].toSorted()).toEqual(['configMap', 'secret']);
    expect(JSON.stringify(sources)).toContain('offloader-gateway-keys');
  });

  test('has nothing in the pods that a new chart version or an edit of the configuration would change', () => {
    const { metadata } = find(objects, 'StatefulSet', 'offloader-gateway').spec.template;
    expect(Object.keys(metadata.labels).toSorted()).toEqual([
      'app.kubernetes.io/component',
      'app.kubernetes.io/instance',
      'app.kubernetes.io/name',
    ]);
    expect(metadata.labels[labels.component]).toBe('gateway');
    expect(metadata.labels[labels.instance]).toBe('offloader');
    expect(Object.keys(metadata.annotations)).toEqual(['kubectl.kubernetes.io/default-container']);
  });

  test('makes secrets long enough to sign with', () => {
    const { data } = find(objects, 'Secret', 'offloader-gateway-secrets');
    for (const key of ['secretKeyBase', 'adminToken']) expect(Buffer.from(data[key] ?? '', 'base64').length).toBeGreaterThanOrEqual(32);
  });
});

describe('In Kubernetes: readiness /ready and liveness /live on the admin port, two Services (api, admin; admin ClusterIP only), config volume, cache volume, Secret with the two secrets, ServiceMonitor on the admin port /metrics every 30 s, memory limit for DuckDB below the pod limit.', () => {
  suite('as Helm renders it', () => {
    let objects: readonly any[] = [];
    let pod: any;
    let gateway: any;
    beforeAll(async () => {
      objects = await render({ 'serviceMonitor.enabled': 'true', 'gateway.service.type': 'LoadBalancer' });
      pod = find(objects, 'StatefulSet', 'offloader-gateway').spec.template.spec;
      gateway = pod.containers[0];
    });
    /** The ports of the gateway by their names. */
    const portNamed = (name: string): unknown => gateway.ports.find((port: any) => port.name === name)?.containerPort;

    test('probes', () => {
      expect([gateway.readinessProbe.httpGet, gateway.livenessProbe.httpGet]).toEqual([
        { path: '/ready', port: 'admin' },
        { path: '/live', port: 'admin' },
      ]);
      expect([portNamed('api'), portNamed('admin')]).toEqual([4000, 4001]);
    });

    test('Services: whatever the API is made, nothing outside the cluster reaches the admin port', () => {
      const services = objects
        .filter(({ kind }) => kind === 'Service')
        .map(({ metadata, spec }) => [metadata.name, spec.type ?? 'ClusterIP', spec.ports.map((port: any) => port.targetPort)]);
      expect(services).toEqual([
        ['offloader-gateway', 'LoadBalancer', ['api']],
        ['offloader-gateway-admin', 'ClusterIP', ['admin']],
        ['offloader-gateway-pods', 'ClusterIP', ['api', 'admin']],
      ]);
      expect(find(objects, 'Service', 'offloader-gateway-pods').spec).toMatchObject({ clusterIP: 'None' });
      const { labels: of } = find(objects, 'StatefulSet', 'offloader-gateway').spec.template.metadata;
      for (const { spec } of objects.filter(({ kind }) => kind === 'Service')) expect(of).toMatchObject(spec.selector);
    });

    test('volumes: the configuration to read, the cache to write', () => {
      expect(gateway.volumeMounts).toEqual(
        expect.arrayContaining([
          { name: 'config', mountPath: '/etc/offloader/config', readOnly: true },
          { name: 'cache', mountPath: '/var/cache/offloader' },
        ]),
      );
      expect(gateway.env).toEqual(
        expect.arrayContaining([
          { name: 'OFFLOADER_CONFIG', value: '/etc/offloader/config' },
          { name: 'OFFLOADER_CACHE_DIR', value: '/var/cache/offloader' },
        ]),
      );
      expect(pod.volumes.map(({ name }: any) => name)).toContain('config');
      expect((find(objects, 'StatefulSet', 'offloader-gateway').spec as any).volumeClaimTemplates[0].metadata.name).toBe('cache');
    });

    test('the two secrets, and none of the values in the pod', () => {
      const secret = find(objects, 'Secret', 'offloader-gateway-secrets');
      expect(Object.keys(secret.data)).toEqual(['secretKeyBase', 'adminToken']);
      const taken = gateway.env.flatMap(({ name, valueFrom }: any) =>
        valueFrom?.secretKeyRef === undefined ? [] : [[name, valueFrom.secretKeyRef]],
      );
      expect(taken).toEqual([
        ['OFFLOADER_SECRET_KEY_BASE', { name: 'offloader-gateway-secrets', key: 'secretKeyBase' }],
        ['OFFLOADER_ADMIN_TOKEN', { name: 'offloader-gateway-secrets', key: 'adminToken' }],
      ]);
      for (const value of Object.values(secret.data)) expect(JSON.stringify(pod)).not.toContain(Buffer.from(value, 'base64').toString());
    });

    test('the ServiceMonitor', () => {
      const { spec } = find(objects, 'ServiceMonitor', 'offloader-gateway') as any;
      expect(spec.endpoints).toEqual([{ port: 'admin', path: '/metrics', interval: '30s' }]);
      const matched = objects.filter(
        ({ kind, metadata }) =>
          kind === 'Service' && Object.entries(spec.selector.matchLabels).every(([name, value]) => metadata.labels[name] === value),
      );
      expect(matched.map(({ metadata }) => metadata.name)).toEqual(['offloader-gateway-admin']);
    });

    test('memory', () => {
      const mebibytes = (text: string): number => Number(/^([0-9]+)(?:MiB|Gi)$/.exec(text)?.[1]) * (text.endsWith('Gi') ? 1024 : 1);
      const limit = mebibytes(gateway.resources.limits.memory);
      const { OFFLOADER_DUCKDB_MEMORY_LIMIT: engine = '' } = envOf(find(objects, 'StatefulSet', 'offloader-gateway'));
      expect(mebibytes(engine)).toBeGreaterThan(0);
      expect(mebibytes(engine)).toBeLessThan(limit);
    });

    test('every variable that the chart sets is one that the gateway reads', () => {
      const known = readFileSync(new URL('gateway/src/settings.ts', root), 'utf8');
      expect(gateway.env.map(({ name }: any) => name).filter((name: string) => !known.includes(`'${name}'`))).toEqual([]);
    });
  });
});

suite('values of the chart', () => {
  test.each([['1Gi'], ['3Gi'], ['1.5Gi'], ['2500M'], ['768Mi'], [3_221_225_472]])(
    'keep the engine and two loads below a pod limit of %s',
    async (limit) => {
      const env = envOf(find(await render({ 'gateway.resources.limits.memory': limit }), 'StatefulSet', 'offloader-gateway'));
      const mebibytes = (name: string) => Number(/^([0-9]+)MiB$/.exec(env[name] ?? '')?.[1]);
      const [, amount, unit = ''] = /^([0-9.]+)(.*)$/.exec(String(limit)) ?? [];
      const total = Number(amount) * ({ Gi: 1024, Mi: 1, M: 1e6 / 2 ** 20, '': 1 / 2 ** 20 }[unit] ?? NaN);
      const used = mebibytes('OFFLOADER_DUCKDB_MEMORY_LIMIT') + 2 * mebibytes('OFFLOADER_LOAD_MEMORY_LIMIT');
      expect(used).toBeGreaterThan(total / 2);
      expect(used).toBeLessThan(total * 0.7);
    },
  );

  test('pass the environment on, numbers as they were written, and let it override what is computed', async () => {
    const env = envOf(
      find(
        await render({
          'gateway.env.OFFLOADER_CACHE_MAX_BYTES': 268_435_456,
          'gateway.env.OFFLOADER_QUERY_TIMEOUT': 0.5,
          'gateway.env.OFFLOADER_DUCKDB_MEMORY_LIMIT': '2GiB',
        }),
        'StatefulSet',
        'offloader-gateway',
      ),
    );
    expect(env).toMatchObject({
      OFFLOADER_CACHE_MAX_BYTES: '268435456',
      OFFLOADER_QUERY_TIMEOUT: '0.5',
      OFFLOADER_DUCKDB_MEMORY_LIMIT: '2GiB',
    });
  });

  test('name an image by its digest as well as by a tag', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const { spec } = find(await render({ 'gateway.image.tag': digest }), 'StatefulSet', 'offloader-gateway');
    expect(spec.template.spec.containers[0]).toMatchObject({ image: `offloader-gateway@${digest}` });
  });

  test('leave a stopping gateway the time that it may take', async () => {
    const set = find(await render(), 'StatefulSet', 'offloader-gateway');
    const seconds = (text: string | undefined, otherwise: number): number => Number(/^([0-9]+)s$/.exec(text ?? '')?.[1] ?? otherwise);
    const { OFFLOADER_DRAIN_DELAY: delay, OFFLOADER_DRAIN_TIMEOUT: timeout } = envOf(set);
    expect(delay).toBe('5s');
    // 30 s is the gateway's own default.
    expect((set as any).spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(seconds(delay, 0) + seconds(timeout, 30) + 5);
    expect(envOf(find(await render({ 'gateway.env.OFFLOADER_DRAIN_DELAY': '20s' }), 'StatefulSet', 'offloader-gateway'))).toMatchObject({
      OFFLOADER_DRAIN_DELAY: '20s',
    });
  });

  test('give the operator the mode that the gateways serve in', async () => {
    expect(envOf(find(await render({ 'gateway.auth': 'none' }), 'Deployment', 'offloader-operator'))).toMatchObject({
      OFFLOADER_AUTH: 'none',
    });
  });

  test.each([
    ['an unknown value', { 'gateway.replica': '3' }],
    ['an unknown section', { gateways: 'x' }],
    ['no replica', { 'gateway.replicas': '0' }],
    ['an auth mode that is not one', { 'gateway.auth': 'optional' }],
    ['a key base that is too short', { 'gateway.secretKeyBase': 'short' }],
    ['a variable that the chart sets itself', { 'gateway.env.OFFLOADER_CONFIG': '/elsewhere' }],
  ])('are refused: %s', async (_, values) => {
    await expect(render(values as Record<string, string>)).rejects.toThrow(/schema/);
  });

  test('switch monitoring on: alerts look at this release alone', async () => {
    const objects = await render({ 'serviceMonitor.enabled': 'true', 'prometheusRule.enabled': 'true' });
    expect([...named(objects, 'ServiceMonitor'), ...named(objects, 'PodMonitor')]).toEqual(['offloader-gateway', 'offloader-operator']);
    for (const { expr, labels: said } of find(objects, 'PrometheusRule', 'offloader').spec.groups.flatMap((group) => group.rules)) {
      expect(expr.match(/offloader_\w+(\{namespace="team",)?/g)?.every((one) => one.endsWith('{namespace="team",'))).toBe(true);
      expect(said).toEqual({ severity: expect.any(String), owner: expect.any(String), namespace: 'team' });
    }
  });

  test('switch network policies on, and leave them off otherwise', async () => {
    expect(named(await render(), 'NetworkPolicy')).toEqual([]);
    expect(named(await render({ 'networkPolicy.enabled': 'true' }), 'NetworkPolicy')).toEqual(['offloader-gateway', 'offloader-operator']);
  });
});
