// Compiled resources for tests of the request path: what the compiler itself makes of specs, so that no test invents a form.
import { type Bundle, compile, type CompiledEndpoint, type CompiledKey } from '@offloader/contract';
import { emptyLive } from '../../src/domain/live.ts';
import type { Live, Serving } from '../../src/domain/serving.ts';

type Spec = Record<string, unknown>;
const object = (kind: string, name: string, spec: Spec) => ({ apiVersion: 'offloader.dev/v1alpha1', kind, metadata: { name }, spec });

export const dataset = (spec: Spec = {}) =>
  object('Dataset', 'events', {
    source: { manifest: { url: 'file:///lake/manifest.json' } },
    schema: [
      { name: 'tenant_id', type: 'VARCHAR' },
      { name: 'day', type: 'DATE' },
      { name: 'at', type: 'TIMESTAMP' },
      { name: 'area', type: 'VARCHAR' },
      { name: 'n', type: 'INTEGER' },
      { name: 'big', type: 'BIGINT' },
      { name: 'ratio', type: 'DOUBLE' },
      { name: 'ok', type: 'BOOLEAN' },
      { name: 'extra', type: 'JSON' },
    ],
    tenantColumn: 'tenant_id',
    ...spec,
  });

export const plainEndpoint = (spec: Spec = {}) =>
  object('Endpoint', 'events', {
    datasetRef: { name: 'events' },
    query: { select: [{ as: 'day', column: 'day' }, { as: 'big', column: 'big' }] },
    columns: ((spec['query'] as { select?: { as: string }[] } | undefined)?.select ?? [{ as: 'day' }, { as: 'big' }]).map(({ as }) => as),
    ...spec,
  }); // prettier-ignore

/** What the compiler makes of these; a finding ends the test. `tokens` are hashes that the operator minted, by key. */
export const bundleOf = (
  resources: readonly unknown[],
  auth: 'required' | 'none' = 'required',
  releases: Readonly<Record<string, string>> = {},
  tokens: Readonly<Record<string, CompiledKey['hashes']>> = {},
): Bundle => {
  const { bundle, verdicts } = compile({ auth, resources, tokens, releases, lastGood: null });
  const problems = verdicts.flatMap((verdict) => verdict.problems);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return bundle;
};

/** One endpoint over `events`; `spec` is laid over the plain one. */
export const endpointOf = (spec: Spec = {}): CompiledEndpoint => {
  const [endpoint] = bundleOf([dataset(), plainEndpoint(spec)]).endpoints;
  if (endpoint === undefined) throw new Error('no endpoint');
  return endpoint;
};

/** A serving for an endpoint, as if a snapshot had been loaded. */
export const servingOf = (endpoint: CompiledEndpoint, some: Partial<Serving> = {}): Serving => ({
  dataset: endpoint.dataset,
  snapshotId: 's1',
  watermark: '2026-01-31T00:00:00Z',
  loadedAt: '2026-01-31T01:00:00Z',
  rows: 1,
  quality: 'passed',
  layout: endpoint.layout,
  schema: [],
  tenantColumn: endpoint.tenantColumn,
  relations: { LocalTable: 'local', RemoteScan: 'remote' },
  epoch: 1,
  ...some,
});

export const liveOf = (endpoints: readonly CompiledEndpoint[], some: Partial<Live> = {}): Live => ({
  ...emptyLive,
  revision: 'r1',
  endpoints: new Map(endpoints.map((endpoint) => [endpoint.name, endpoint])),
  ...some,
});
