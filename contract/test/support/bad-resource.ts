/** Building one faulty resource from a sound one. */
import type { AuthMode, ProblemCode } from '@offloader/contract';

export type BadResource = {
  /** A sentence: what is wrong. */
  readonly name: string;
  readonly object: object;
  readonly code: ProblemCode;
  readonly path: string;
  /** A fragment of the API server's answer; absent when the API server cannot tell and the compiler does. */
  readonly refusal?: string;
  /** The other objects that the fault needs to show; older than `object`. */
  readonly beside?: readonly object[];
  readonly auth?: AuthMode;
};

type Spec = Readonly<Record<string, unknown>>;
const object = (kind: string, name: string, spec: Spec): object => ({
  apiVersion: 'offloader.dev/v1alpha1',
  kind,
  metadata: { name, creationTimestamp: '2026-02-01T00:00:00Z' },
  spec,
});
/** Made before the rest. */
export const older = (made: object): object => ({
  ...made,
  metadata: { ...(made as { metadata: object }).metadata, creationTimestamp: '2026-01-01T00:00:00Z' },
});

export const column = (name: string, type = 'VARCHAR') => ({ name, type });
export const dataset = (spec: Spec = {}, name = 'visits'): object =>
  object('Dataset', name, {
    source: { manifest: { url: 's3://lake/visits/manifest.json' } },
    schema: [column('tenant_id'), column('day', 'DATE'), column('visits', 'BIGINT'), column('extra', 'JSON')],
    tenantColumn: 'tenant_id',
    ...spec,
  });
export const source = (more: Spec): object => dataset({ source: { manifest: { url: 's3://lake/visits/manifest.json' }, ...more } });

export const endpoint = (spec: Spec = {}, name = 'daily'): object =>
  object('Endpoint', name, {
    datasetRef: { name: 'visits' },
    query: { select: [{ as: 'day', column: 'day' }] },
    columns: ['day'],
    ...spec,
  });
/** An endpoint of this select, which answers all of it. */
export const selecting = (select: readonly { readonly as: string }[], more: Spec = {}, spec: Spec = {}): object =>
  endpoint({ query: { select, ...more }, columns: [...new Set(select.map((one) => one.as))], ...spec });
/** An endpoint with this parameter, filtering the day by it. */
export const filtering = (param: Spec, filter: Spec = {}, spec: Spec = {}): object =>
  endpoint({
    params: [{ name: 'p', type: 'date', ...param }],
    query: { select: [{ as: 'day', column: 'day' }], filters: [{ column: 'day', op: 'eq', param: 'p', ...filter }] },
    ...spec,
  });
export const declaring = (param: Spec): object => endpoint({ params: [{ name: 'p', ...param }] });

export const apiKey = (spec: Spec = {}, name = 'acme'): object =>
  object('ApiKey', name, { endpoints: ['*'], hash: 'a'.repeat(64), ...spec });
/** The same without a field of its spec. */
export const without = (made: object, field: string): object => {
  const { spec, ...rest } = made as { spec: Spec };
  return { ...rest, spec: Object.fromEntries(Object.entries(spec).filter(([name]) => name !== field)) };
};
