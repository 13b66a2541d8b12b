/** What the chart can do besides: budgets and spreading, security, environment, Ingress, people's roles, policies, long names. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { kinds, objectNames } from '@offloader/contract';
import { clientOf, startApiServer } from './support/parts.ts';
import type { ApiServer } from './support/parts.ts';
import { describeChart as suite, find, helm, named, render } from './support/chart.ts';

const server = helm === undefined ? { unavailable: 'no Helm' } : await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
const chart = new URL('../../helm/offloader', import.meta.url).pathname;
const longest = 'a-release-that-is-named-as-long-as-helm-lets-it-be-ok';
const workloads = [['gateway', 'StatefulSet'] as const, ['operator', 'Deployment'] as const];
const podOf = (objects: readonly any[], kind: string, name: string): any => (find(objects, kind, name).spec as any).template.spec;

suite('the chart keeps pods apart and drains in turn', () => {
  test('a budget for the gateways, and for operators when there are two', async () => {
    expect(named(await render(), 'PodDisruptionBudget')).toEqual(['offloader-gateway']);
    const two = await render({ 'operator.replicas': 2 });
    const { spec } = find(two, 'PodDisruptionBudget', 'offloader-operator') as any;
    expect(spec.maxUnavailable).toBe(1);
    expect((find(two, 'Deployment', 'offloader-operator').spec as any).template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    const off = { 'operator.replicas': 2, 'operator.podDisruptionBudget.enabled': false, 'gateway.podDisruptionBudget.enabled': false };
    expect(named(await render(off), 'PodDisruptionBudget')).toEqual([]);
  });

  test.each(workloads)('%s: spread over nodes where possible, unless the values say otherwise', async (name, kind) => {
    const objects = await render();
    const [spread, ...more] = podOf(objects, kind, `offloader-${name}`).topologySpreadConstraints;
    expect([spread.topologyKey, spread.whenUnsatisfiable, more]).toEqual(['kubernetes.io/hostname', 'ScheduleAnyway', []]);
    expect((find(objects, kind, `offloader-${name}`).spec as any).selector.matchLabels).toEqual(spread.labelSelector.matchLabels);
    const zones = [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule' }];
    const other = await render({ [`${name}.topologySpreadConstraints`]: zones });
    expect(podOf(other, kind, `offloader-${name}`).topologySpreadConstraints).toEqual(zones);
  });
});

suite('as many gateways as the work takes', () => {
  const on = { 'gateway.autoscaling.enabled': true };

  test('an autoscaler for the StatefulSet, whose own number is left out; none by default', async () => {
    expect(named(await render(), 'HorizontalPodAutoscaler')).toEqual([]);
    const objects = await render({ ...on, 'gateway.autoscaling.maxReplicas': 9 });
    const { spec } = find(objects, 'HorizontalPodAutoscaler', 'offloader-gateway') as any;
    expect(spec).toMatchObject({ scaleTargetRef: { kind: 'StatefulSet', name: 'offloader-gateway' }, minReplicas: 2, maxReplicas: 9 });
    expect(find(objects, 'StatefulSet', 'offloader-gateway').spec).not.toHaveProperty('replicas');
    await expect(render({ ...on, 'gateway.autoscaling.minReplicas': 9 })).rejects.toThrow('maxReplicas must not be below minReplicas');
  });
});

suite('the chart takes over what a platform asks for', () => {
  test.each(workloads)('%s: a security context of its own in place of the whole default', async (name, kind) => {
    const pod = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' }, fsGroup: 1_000_650_000 };
    const container = { allowPrivilegeEscalation: false };
    const objects = await render({ [`${name}.podSecurityContext`]: pod, [`${name}.securityContext`]: container });
    const { securityContext, containers } = podOf(objects, kind, `offloader-${name}`);
    expect([securityContext, containers[0].securityContext]).toEqual([pod, container]);
  });

  test.each(workloads)(
    '%s: environment from Secrets, ConfigMaps and fields, but not in place of what the chart sets',
    async (name, kind) => {
      const extra = [
        { name: 'HTTPS_PROXY', valueFrom: { secretKeyRef: { name: 'proxy', key: 'url' } } },
        { name: 'NODE_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
        { name: 'PLAIN', value: 'text' },
      ];
      const objects = await render({ [`${name}.extraEnv`]: extra, [`${name}.env.OFFLOADER_LOG_LEVEL`]: 'debug' });
      const { env } = podOf(objects, kind, `offloader-${name}`).containers[0];
      expect(env.slice(-4)).toEqual([{ name: 'OFFLOADER_LOG_LEVEL', value: 'debug' }, ...extra]);
      await expect(render({ [`${name}.extraEnv`]: [{ name: 'OFFLOADER_ADMIN_TOKEN', value: 'x' }] })).rejects.toThrow(/schema/);
    },
  );

  test('further objects, as maps and as text, in which templates are filled in', async () => {
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: '{{ .Release.Name }}-extra' },
      data: { at: '{{ .Release.Namespace }}' },
    };
    const text = 'apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: text-{{ .Release.Name }}\n';
    const objects = await render({ extraObjects: [map, text] });
    expect(find(objects, 'ConfigMap', 'offloader-extra').data).toEqual({ at: 'team' });
    expect(named(objects, 'ServiceAccount')).toContain('text-offloader');
  });

  test('an Ingress to the API port alone, off by default and refused without hosts', async () => {
    expect(named(await render(), 'Ingress')).toEqual([]);
    await expect(render({ 'gateway.ingress.enabled': true })).rejects.toThrow(/schema/);
    const objects = await render({
      'gateway.ingress': {
        enabled: true,
        className: 'nginx',
        annotations: { 'cert-manager.io/cluster-issuer': 'ours' },
        hosts: [{ host: 'data.example.com' }, { host: 'b.example.com', paths: [{ path: '/v1', pathType: 'Exact' }] }],
        tls: [{ secretName: 'data-tls', hosts: ['data.example.com'] }],
      },
    });
    const { metadata, spec } = find(objects, 'Ingress', 'offloader-gateway') as any;
    expect(metadata.annotations).toEqual({ 'cert-manager.io/cluster-issuer': 'ours' });
    expect([spec.ingressClassName, spec.tls]).toEqual(['nginx', [{ secretName: 'data-tls', hosts: ['data.example.com'] }]]);
    const backend = { service: { name: 'offloader-gateway', port: { name: 'api' } } };
    expect(spec.rules).toEqual([
      { host: 'data.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } },
      { host: 'b.example.com', http: { paths: [{ path: '/v1', pathType: 'Exact', backend }] } },
    ]);
  });
});

suite('another admin token', () => {
  test('rolls gateways and operator on purpose, and by nothing else in their pods than its checksum', async () => {
    const [before, after] = await Promise.all(['first', 'second'].map((token) => render({ 'gateway.adminToken': token })));
    for (const [name, kind] of workloads) {
      const [old, next] = [before!, after!].map((objects) => (find(objects, kind, `offloader-${name}`).spec as any).template);
      expect(next.metadata.annotations['checksum/secrets']).not.toBe(old.metadata.annotations['checksum/secrets']);
      old.metadata.annotations['checksum/secrets'] = next.metadata.annotations['checksum/secrets'];
      expect(next).toEqual(old);
      expect(JSON.stringify(next)).not.toContain('second');
    }
  });
});

suite('the chart adds the three kinds to the roles that people have', () => {
  test('view may look, edit and admin may change; status is the operator’s, and a switch leaves it all out', async () => {
    const objects = await render();
    const role = (name: string): any => find(objects, 'ClusterRole', `offloader-${name}-team`);
    const into = (name: string) =>
      Object.keys(role(name).metadata.labels).filter((label) => label.startsWith('rbac.authorization.k8s.io/aggregate-to-'));
    expect(into('view').map((label) => label.split('-to-')[1])).toEqual(['view', 'edit', 'admin']);
    expect(into('edit').map((label) => label.split('-to-')[1])).toEqual(['edit', 'admin']);
    const resources = Object.values(kinds).map(({ plural }) => plural);
    const rule = (verbs: readonly string[]) => [{ apiGroups: ['offloader.dev'], resources, verbs }];
    expect(role('view').rules).toEqual(rule(['get', 'list', 'watch']));
    expect(role('edit').rules).toEqual(rule(['create', 'update', 'patch', 'delete', 'deletecollection']));
    expect(named(await render({ 'rbac.aggregate': false }), 'ClusterRole')).toEqual(['offloader-operator-volumes-team']);
  });
});

suite('the network policies', () => {
  const prometheus = { namespaceSelector: { matchLabels: { name: 'monitoring' } } };
  const ports = (rules: readonly any[] = []): readonly string[] =>
    rules.flatMap((rule) => rule.ports.map(({ port, protocol }: any) => `${String(port)}/${String(protocol ?? 'TCP')}`));

  test('let gateways resolve names and reach object stores, and be reached by callers and by the operator', async () => {
    const { spec } = find(await render({ 'networkPolicy.enabled': true }), 'NetworkPolicy', 'offloader-gateway') as any;
    expect(ports(spec.egress)).toEqual(['53/UDP', '53/TCP', '443/TCP']);
    expect(spec.ingress[0]).toEqual({ ports: [{ port: 4000, protocol: 'TCP' }] });
    expect(spec.ingress[1].from).toEqual([
      { podSelector: { matchLabels: expect.objectContaining({ 'app.kubernetes.io/component': 'operator' }) } },
    ]);
  });

  test('let the operator reach DNS, the API server and the gateways’ admin port, and nobody reach the operator', async () => {
    const { spec } = find(await render({ 'networkPolicy.enabled': true }), 'NetworkPolicy', 'offloader-operator') as any;
    expect(ports(spec.egress)).toEqual(['53/UDP', '53/TCP', '443/TCP', '6443/TCP', '4001/TCP']);
    expect([spec.policyTypes, spec.ingress]).toEqual([['Ingress', 'Egress'], undefined]);
  });

  test('let in and out who the values name besides', async () => {
    const store = { to: [{ podSelector: { matchLabels: { app: 'minio' } } }], ports: [{ port: 9000 }] };
    const api = { ports: [{ port: 16443 }] };
    const objects = await render({
      networkPolicy: { enabled: true, adminFrom: [prometheus], apiFrom: [prometheus], gatewayEgress: [store], operatorEgress: [api] },
    });
    const [gateway, operator] = ['offloader-gateway', 'offloader-operator'].map(
      (name) => (find(objects, 'NetworkPolicy', name) as any).spec,
    );
    expect(gateway.egress.at(-1)).toEqual(store);
    expect(operator.egress.at(-1)).toEqual(api);
    const tester = { podSelector: { matchLabels: expect.objectContaining({ 'app.kubernetes.io/component': 'test' }) } };
    expect(gateway.ingress[0].from).toEqual([prometheus, tester]);
    expect(gateway.ingress[1].from.at(-1)).toEqual(prometheus);
    expect(operator.ingress).toEqual([{ ports: [{ port: 8080, protocol: 'TCP' }], from: [prometheus] }]);
  });
});

suite('a name that is as long as Helm takes', () => {
  test.each(['a', 'b'.repeat(44), 'c'.repeat(45), `${'d'.repeat(34)}-${'e'.repeat(18)}`, longest])(
    'as %s gives the names that the operator and kubectl-offloader look for, and none too long for its kind',
    async (release) => {
      const objects = await render({ 'operator.replicas': 2, 'networkPolicy.enabled': true, 'serviceMonitor.enabled': true }, release);
      const names = objectNames(release);
      expect(named(objects, 'StatefulSet')).toEqual([names.gateway]);
      expect(named(objects, 'Deployment')).toEqual([names.operator]);
      expect(named(objects, 'Service')).toEqual([names.gateway, names.admin, names.pods]);
      expect(named(objects, 'Secret')).toEqual([names.secrets]);
      const sources = JSON.stringify(podOf(objects, 'StatefulSet', names.gateway).volumes);
      for (const name of [names.index, names.part(15), names.keys, names.credentials]) expect(sources).toContain(`"${name}"`);
      for (const name of named(objects, 'Service')) expect(name.length).toBeLessThanOrEqual(63);
      // Its pods get a label with the name, a dash and a hash of ten digits.
      expect(names.gateway.length).toBeLessThanOrEqual(52);
    },
  );

  test('is its own: two that begin alike do not meet', () => {
    expect(objectNames(`${'a'.repeat(50)}-x`).gateway).not.toBe(objectNames(`${'a'.repeat(50)}-y`).gateway);
  });
});

there('an API server', () => {
  const { kubeconfig, stop } = server as ApiServer;
  const client = clientOf(kubeconfig);
  afterAll(async () => {
    client.close();
    await stop();
  });
  const run = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(helm ?? '', [...args, '--kubeconfig', kubeconfig, '--namespace', 'team'], { maxBuffer: 16 * 2 ** 20 }))
      .stdout;
  const everything = {
    'operator.replicas': 2,
    'networkPolicy.enabled': true,
    'dashboard.enabled': true,
    'gateway.ingress': { enabled: true, hosts: [{ host: 'data.example.com' }] },
    'gateway.extraEnv': [{ name: 'NODE_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }],
    extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'extra' } }],
  };
  const set = Object.entries(everything).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);

  test('takes all of it under the longest name, and an upgrade that keeps the values changes no pod', async () => {
    await run('install', longest, chart, '--create-namespace', ...set);
    const names = objectNames(longest);
    const template = async (): Promise<unknown> =>
      (await client.request({ method: 'GET', path: `/apis/apps/v1/namespaces/team/statefulsets/${names.gateway}` })).spec.template;
    const before = await template();
    await run('upgrade', longest, chart, '--reuse-values');
    expect(await template()).toEqual(before);
    for (const path of [
      `networking.k8s.io/v1/namespaces/team/ingresses/${names.gateway}`,
      `networking.k8s.io/v1/namespaces/team/networkpolicies/${names.operator}`,
      `policy/v1/namespaces/team/poddisruptionbudgets/${names.operator}`,
    ])
      expect((await client.request({ method: 'GET', path: `/apis/${path}` })).metadata.name).toBe(path.split('/').at(-1));
  });
});
