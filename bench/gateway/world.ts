/** The data and the resources that are measured: one dataset of many tenants, an endpoint of its table and one of its files. */
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, type CompiledEndpoint } from '@offloader/contract';
import { apiKey, createLake } from './parts.ts';
import { pageRows, type Scenario, scenarios } from './scenarios.ts';

export const tenant = 't0';
/** As `apiKey` makes it. */
export const token = `${tenant}-token`;

export type World = {
  readonly folder: string;
  readonly configDir: string;
  readonly cacheDir: string;
  /** The `n` of a tenant's first row; the next one has one less. */
  readonly first: number;
  end(): Promise<void>;
};

const object = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'offloader.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});
const columns = ['n', 'at', 'area', 'visits', 'seconds'];

const endpointOf = ({ endpoint, meta }: Scenario): object =>
  object('Endpoint', endpoint.replaceAll('_', '-'), {
    name: endpoint,
    datasetRef: { name: 'readings' },
    servingMode: meta.serving_mode === 'remote_scan' ? 'RemoteScan' : 'LocalTable',
    tenant: { column: 'tenant_id' },
    query: { select: columns.map((column) => ({ as: column, column })), orderBy: [{ column: 'n', dir: 'desc' }] },
    columns,
    pagination: { defaultLimit: pageRows, maxLimit: pageRows },
  });

const resourcesOf = (url: string, asked: readonly Scenario[]): readonly object[] => [
  object('Dataset', 'readings', {
    source: { manifest: { url } },
    schema: [
      { name: 'tenant_id', type: 'VARCHAR' },
      { name: 'n', type: 'INTEGER' },
      { name: 'at', type: 'TIMESTAMP' },
      { name: 'area', type: 'VARCHAR' },
      { name: 'visits', type: 'INTEGER' },
      { name: 'seconds', type: 'DOUBLE' },
    ],
    tenantColumn: 'tenant_id',
  }),
  ...new Map(asked.map((scenario) => [scenario.endpoint, endpointOf(scenario)])).values(),
  apiKey(tenant),
];

/** As the gateway reads it. */
export const compiledEndpoint = (scenario: Scenario): CompiledEndpoint => {
  const resources = resourcesOf('file:///lake/manifest.json', [scenario]);
  const { bundle } = compile({ auth: 'required', resources, tokens: {}, releases: {}, lastGood: null });
  return bundle.endpoints[0]!;
};

const rowsSql = (rows: number, perTenant: number): string =>
  `SELECT 't' || (i // ${perTenant}) AS tenant_id, (i % ${perTenant})::INTEGER AS n, TIMESTAMP '2026-01-01' + to_minutes(i % ${perTenant}) AS at, ` +
  `CASE i % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'store' ELSE 'phone' END AS area, (i * 7919 % 1000)::INTEGER AS visits, (i % 977) / 8 AS seconds FROM range(${rows}) r(i)`;

/** `offsets` pages of each tenant, each one row further than the one before, and an empty cache. */
export const createWorld = async (asked: readonly Scenario[], rows: number, offsets: number): Promise<World> => {
  const perTenant = offsets + pageRows;
  const lake = await createLake('readings');
  await lake.publish('s1', rowsSql(rows, perTenant));
  const folder = await mkdtemp(join(tmpdir(), 'offloader-bench-'));
  const [configDir, cacheDir] = [join(folder, 'config'), join(folder, 'cache')];
  await mkdir(configDir);
  // JSON is YAML.
  const texts = resourcesOf(lake.url, asked).map((one) => JSON.stringify(one));
  await writeFile(join(configDir, 'all.yaml'), texts.join('\n---\n'));
  return {
    folder,
    configDir,
    cacheDir,
    first: perTenant - 1,
    end: async () => {
      await lake.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Files below a folder, with their sizes. */
export const filesBelow = async (folder: string): Promise<readonly { readonly path: string; readonly bytes: number }[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => ({ path, bytes: (await stat(path)).size })));
};

export const allScenarios = (withRemoteScan: boolean): readonly Scenario[] => [
  scenarios.local_table,
  scenarios.cache_hit,
  ...(withRemoteScan ? [scenarios.remote_scan] : []),
];
