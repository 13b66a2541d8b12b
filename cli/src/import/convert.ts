/** Turns the parsed files of an original project (offloader.yml and what it names) into resources. Pure; what does not fit is kept for the rules to judge. */
import { apiVersion } from '@offloader/contract';
import type { Kind } from '@offloader/contract';

export type Fields = Readonly<Record<string, unknown>>;
export type Converted = {
  readonly resource: object;
  /** Fields that have no place in the resource. */
  readonly leftOut: readonly string[];
};
export type ProjectFacts = {
  /** URL of the project's folder, with a slash at the end: what relative manifests are relative to. */
  readonly folderUrl: string;
  readonly objectStoreMode: unknown;
};

/** Kubernetes names have no underscores; a manifest's dataset_id may still be written with them. */
const objectName = (id: unknown): string => (typeof id === 'string' || typeof id === 'number' ? String(id).replaceAll('_', '-') : '');
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const isSet = (value: unknown): boolean => value !== undefined && value !== null;
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const defined = (fields: Fields): Fields => Object.fromEntries(Object.entries(fields).filter(([, value]) => isSet(value)));

const resource = (kind: Kind, name: string, spec: Fields): object => ({ apiVersion, kind, metadata: { name }, spec: defined(spec) });
const unknownFields = (fields: Fields, known: readonly string[]): readonly string[] =>
  Object.keys(fields).filter((field) => !known.includes(field) && isSet(fields[field]));

/** One file of datasets/. */
export const convertDataset = (file: Fields, project: ProjectFacts): Converted => {
  const source = fieldsOf(file['source']);
  return {
    resource: resource('Dataset', objectName(file['id']), {
      description: file['description'],
      source: isSet(file['source']) ? remoteSource(source, project) : { manifest: { url: manifestUrl(file['manifest'], project) } },
      schema: file['schema'],
      tenantColumn: file['tenant_column'],
    }),
    leftOut: [
      ...unknownFields(file, ['id', 'description', 'manifest', 'source', 'schema', 'tenant_column']),
      ...unknownFields(source, ['type', 'bucket', 'prefix', 'interval_seconds']).map((field) => `source.${field}`),
    ],
  };
};

const manifestUrl = (manifest: unknown, { folderUrl }: ProjectFacts): unknown =>
  typeof manifest !== 'string' || /^[a-z0-9]+:\/\//.test(manifest) ? manifest : new URL(manifest, folderUrl).href;

const remoteSource = (source: Fields, { objectStoreMode }: ProjectFacts): Fields => {
  const scheme = objectStoreMode === 's3' ? 's3' : 'gs';
  const url = `${scheme}://${textOf(source['bucket'])}/${textOf(source['prefix'])}`;
  const seconds = source['interval_seconds'];
  return defined({
    // Any other type is left for the rules: a source without one of ours is told as such.
    [source['type'] === 'databricks' ? 'databricks' : String(source['type'])]: { url },
    interval: typeof seconds === 'number' ? `${seconds}s` : seconds,
  });
};

const endpointFields = [
  ...['name', 'version', 'owner', 'description', 'dataset', 'serving_mode', 'tenant', 'freshness'],
  ...['params', 'combinations', 'query', 'columns', 'pagination', 'cache'],
];
const modes: Readonly<Record<string, string>> = { local_table: 'LocalTable', remote_scan: 'RemoteScan' };

/** One file of endpoints/. */
export const convertEndpoint = (file: Fields): Converted => {
  const minutes = fieldsOf(file['freshness'])['max_staleness_minutes'];
  const pagination = fieldsOf(file['pagination']);
  const mode = file['serving_mode'];
  return {
    resource: resource('Endpoint', objectName(file['name']), {
      ...{ name: file['name'], version: file['version'], owner: file['owner'], description: file['description'] },
      datasetRef: { name: objectName(file['dataset']) },
      servingMode: typeof mode === 'string' ? (modes[mode] ?? mode) : mode,
      tenant: file['tenant'],
      freshness: isSet(minutes) ? { maxStaleness: `${String(minutes)}m` } : undefined,
      ...{
        params: file['params'],
        combinations: file['combinations'],
        query: convertQuery(fieldsOf(file['query'])),
        columns: file['columns'],
      },
      pagination: isSet(file['pagination'])
        ? defined({ defaultLimit: pagination['default_limit'], maxLimit: pagination['max_limit'] })
        : undefined,
      // There, no policy means no cache; here it means a cache.
      cache: { policy: fieldsOf(file['cache'])['policy'] === 'snapshot' ? 'Snapshot' : 'None' },
    }),
    leftOut: [
      ...unknownFields(file, endpointFields),
      ...unknownFields(fieldsOf(file['query']), ['select', 'filters', 'group_by', 'order_by']).map((field) => `query.${field}`),
    ],
  };
};

const convertQuery = (query: Fields): Fields => {
  const select = listOf(query['select']).map(fieldsOf);
  // There a column could be named where here the select's own name stands.
  const selected = (name: unknown): unknown =>
    select.some((one) => one['as'] === name) ? name : (select.find((one) => one['column'] === name && !isSet(one['agg']))?.['as'] ?? name);
  return defined({
    select: query['select'],
    filters: query['filters'],
    groupBy: isSet(query['group_by']) ? listOf(query['group_by']).map(selected) : undefined,
    orderBy: isSet(query['order_by'])
      ? listOf(query['order_by']).map((order) => ({ ...fieldsOf(order), column: selected(fieldsOf(order)['column']) }))
      : undefined,
  });
};

/** One entry of the keys file. */
export const convertKey = (key: Fields): Converted => ({
  resource: resource('ApiKey', objectName(key['id']), {
    tenant: key['tenant'],
    endpoints: key['endpoints'],
    state: key['status'] === 'revoked' ? 'Revoked' : key['status'] === 'active' ? 'Active' : key['status'],
    hash: key['hash'],
  }),
  leftOut: unknownFields(key, ['id', 'tenant', 'endpoints', 'status', 'hash']),
});
