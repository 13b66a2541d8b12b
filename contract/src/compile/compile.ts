/** Resources → Bundle and a verdict per object: each is judged alone, and a bad one keeps its last good form. Pure. */
import type { AuthMode, Bundle, CompiledEndpoint, CompiledKey } from '../bundle.ts';
import { canonicalJson, canonicalOf, sha256Hex } from '../canonical.ts';
import type { ApiKey } from '../resources/api-key.ts';
import type { Dataset } from '../resources/dataset.ts';
import type { Endpoint } from '../resources/endpoint.ts';
import type { Resource } from '../resources/resource.ts';
import { problem } from '../rules/problems.ts';
import { checkEndpointReferences, checkKeyReferences } from '../rules/references.ts';
import { compileKey } from './api-key.ts';
import { judge, type Judged, judgeInOrder, type Verdict } from './claims.ts';
import { compileDataset, type DatasetBase, withEndpoints } from './dataset.ts';
import { compileEndpoint, endpointName, stillFits, withLayout } from './endpoint.ts';
import { lookAt, objectId, type Seen, specOf } from './objects.ts';

export type { Verdict } from './claims.ts';
export type TokenHashes = readonly { readonly sha256: string; readonly notAfter: string | null }[];
export type CompileInput = {
  readonly auth: AuthMode;
  /** Raw objects of the three kinds; others are passed over. */
  readonly resources: readonly unknown[];
  /** Hashes of minted tokens by the ApiKey's metadata.name. */
  readonly tokens: Readonly<Record<string, TokenHashes>>;
  /** Snapshot ids released for activation, by dataset. */
  readonly releases: Readonly<Record<string, string | null>>;
  readonly lastGood: Bundle | null;
  /** `Kind/name` of objects that the gateways have no room for in their present form. */
  readonly refused?: ReadonlySet<string>;
};
export type Compiled = { readonly bundle: Bundle; readonly verdicts: readonly Verdict[] };

const ofKind = <R extends Resource>(seen: readonly Seen[], kind: R['kind']): readonly Seen<R>[] =>
  seen.filter((one): one is Seen<R> => one.kind === kind);
const byName =
  <T>(name: (one: T) => string) =>
  (a: T, b: T): number =>
    name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0;
const compiledOf = <T>(judged: readonly Judged<T>[]): readonly T[] =>
  judged.flatMap(({ compiled }) => (compiled === null ? [] : [compiled]));

const indexed = <T>(list: readonly T[] | undefined, key: (one: T) => string): ReadonlyMap<string, T> =>
  new Map((list ?? []).map((one) => [key(one), one]));

const judgeDatasets = (seen: readonly Seen<Dataset>[], { releases, lastGood }: CompileInput): readonly Judged<DatasetBase>[] => {
  const before = indexed(lastGood?.datasets, (dataset) => dataset.name);
  const releaseOf = (name: string): string | null => releases[name] ?? null;
  return seen.map((one) => {
    const last = before.get(one.name);
    // Its snapshots go on being released while its definition is faulty.
    const lastReleased = last && { ...last, snapshot: { ...last.snapshot, release: releaseOf(one.name) } };
    return judge<DatasetBase>(one, one.problems, () => compileDataset(one.resource as Dataset, releaseOf(one.name)), lastReleased);
  });
};

type Bases = ReadonlyMap<string, DatasetBase>;
const judgeEndpoints = (
  seen: readonly Seen<Endpoint>[],
  bases: Bases,
  { auth, lastGood }: CompileInput,
): readonly Judged<CompiledEndpoint>[] => {
  const before = indexed(lastGood?.endpoints, (endpoint) => endpoint.object);
  const datasetOf = ({ spec }: Endpoint): DatasetBase | undefined => bases.get(spec.datasetRef.name);
  return judgeInOrder(seen, {
    last: (one) => {
      const last = before.get(one.name);
      return last !== undefined && bases.has(last.dataset) ? last : undefined;
    },
    check: (endpoint) => checkEndpointReferences(endpoint.spec, datasetOf(endpoint), auth),
    compile: (endpoint) => compileEndpoint(endpoint, datasetOf(endpoint) as DatasetBase),
    declares: (endpoint) => [endpointName(endpoint)],
    holds: (compiled) => [compiled.name],
    taken: (holder) => problem('duplicate_endpoint', 'spec.name', `the older Endpoint ${holder} has this name in the URL; choose another`),
  });
};

/** URL names of all endpoints that objects declare, sound or not, with whether they are tenant-scoped. */
const declaredEndpoints = (seen: readonly Seen[], compiled: readonly CompiledEndpoint[]): ReadonlyMap<string, boolean> =>
  new Map([
    ...seen.map((one): [string, boolean] => {
      const spec = specOf(one);
      return [typeof spec['name'] === 'string' ? spec['name'] : one.name, spec['tenant'] !== undefined];
    }),
    ...compiled.map((endpoint): [string, boolean] => [endpoint.name, endpoint.tenantColumn !== null]),
  ]);

const judgeKeys = (
  seen: readonly Seen<ApiKey>[],
  endpoints: ReadonlyMap<string, boolean>,
  { tokens, lastGood }: CompileInput,
): readonly Judged<CompiledKey>[] => {
  const compiled = (key: ApiKey): CompiledKey => compileKey(key, tokens[key.metadata.name] ?? []);
  const before = indexed(lastGood?.keys, (key) => key.id);
  const hashes = (key: CompiledKey): readonly string[] => key.hashes.map(({ sha256 }) => sha256);
  return judgeInOrder(seen, {
    last: (one) => {
      const kept = before.get(one.name);
      // A revocation counts whatever else is wrong with the object.
      return kept !== undefined && specOf(one)['state'] === 'Revoked' ? { ...kept, state: 'Revoked' } : kept;
    },
    check: (key) => checkKeyReferences(key.spec, endpoints),
    compile: compiled,
    declares: (key) => hashes(compiled(key)),
    holds: hashes,
    taken: (holder) => problem('duplicate_key', 'spec.hash', `the older ApiKey ${holder} has this hash; give each key a token of its own`),
  });
};

/** Each endpoint bound to the layout of its dataset, each dataset told what its endpoints ask of it. */
const bind = (endpoints: readonly CompiledEndpoint[], bases: Bases): Pick<Bundle, 'datasets' | 'endpoints'> => {
  const fitting = endpoints.filter((endpoint) => {
    const base = bases.get(endpoint.dataset);
    return base !== undefined && stillFits(endpoint, base);
  });
  const byDataset = Map.groupBy(fitting, (endpoint) => endpoint.dataset);
  const datasets = [...bases.values()].map((base) => withEndpoints(base, byDataset.get(base.name) ?? []));
  const layouts = new Map(datasets.map((dataset) => [dataset.name, dataset.layout]));
  const fits = new Set(fitting);
  return {
    datasets: datasets.toSorted(byName((one) => one.name)),
    // A last good form that the dataset has outgrown keeps its old layout: it serves until the cutover and fails closed after it.
    endpoints: endpoints
      .map((endpoint) => (fits.has(endpoint) ? withLayout(endpoint, layouts.get(endpoint.dataset) ?? endpoint.layout) : endpoint))
      .toSorted(byName((one) => one.name)),
  };
};

/** The digest that names a bundle's content. */
export const revisionOf = ({ auth, datasets, endpoints, keys }: Omit<Bundle, 'revision'>): string => {
  const list = (items: readonly object[]): string => `[${items.map(canonicalOf).join()}]`;
  return sha256Hex(`{"auth":${canonicalJson(auth)},"datasets":${list(datasets)},"endpoints":${list(endpoints)},"keys":${list(keys)}}`);
};

const configurationFull = problem(
  'configuration_full',
  '',
  'the configuration of the gateways has no room for it',
  'remove objects that are no longer used, shorten descriptions and enums, or give some objects a release of their own',
);
const withRefusals = (seen: readonly Seen[], refused: CompileInput['refused']): readonly Seen[] =>
  refused === undefined
    ? seen
    : seen.map((one) => (refused.has(objectId(one.kind, one.name)) ? { ...one, problems: [...one.problems, configurationFull] } : one));

/** Deterministic: the same resources, in any order, give the same bundle. */
export const compile = (input: CompileInput): Compiled => {
  const seen = withRefusals(lookAt(input.resources), input.refused);
  const datasets = judgeDatasets(ofKind<Dataset>(seen, 'Dataset'), input);
  const bases = indexed(compiledOf(datasets), (base) => base.name);
  const endpointsSeen = ofKind<Endpoint>(seen, 'Endpoint');
  const endpoints = judgeEndpoints(endpointsSeen, bases, input);
  const served = compiledOf(endpoints);
  const keys = judgeKeys(ofKind<ApiKey>(seen, 'ApiKey'), declaredEndpoints(endpointsSeen, served), input);
  const content = {
    auth: input.auth,
    ...bind(served, bases),
    keys: compiledOf(keys).toSorted(byName((one) => one.id)),
  };
  const verdicts = [...datasets, ...endpoints, ...keys].map(({ verdict }) => verdict);
  return { bundle: { revision: revisionOf(content), ...content }, verdicts };
};
