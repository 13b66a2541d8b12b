/** Resources → Bundle and a verdict per object: each is judged alone, and a bad one keeps its last good form. Pure. */
import type { AuthMode, Bundle, CompiledDataset, CompiledEndpoint, CompiledKey } from '../bundle.ts';
import { digestOf } from '../canonical.ts';
import type { Kind } from '../names.ts';
import type { Problem } from '../problem.ts';
import type { ApiKey } from '../resources/api-key.ts';
import type { Dataset } from '../resources/dataset.ts';
import type { Endpoint } from '../resources/endpoint.ts';
import type { Resource } from '../resources/resource.ts';
import { problem } from '../rules/problems.ts';
import { checkEndpointReferences, checkKeyReferences } from '../rules/references.ts';
import { compileKey } from './api-key.ts';
import { compileDataset, type DatasetBase, withEndpoints } from './dataset.ts';
import { compileEndpoint, endpointName, stillFits } from './endpoint.ts';
import { lookAt, type Seen, specOf } from './objects.ts';

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
};
export type Verdict = {
  readonly kind: Kind;
  readonly name: string;
  readonly problems: readonly Problem[];
  /** What of it is in the bundle. */
  readonly serving: 'current' | 'last_good' | 'none';
};
export type Compiled = { readonly bundle: Bundle; readonly verdicts: readonly Verdict[] };

type Judged<T> = { readonly verdict: Verdict; readonly compiled: T | null };
const judge = <T>(seen: Seen, problems: readonly Problem[], current: () => T, last: T | undefined): Judged<T> => {
  const lastGood = seen.isRepeat ? undefined : last;
  const serving = problems.length === 0 ? 'current' : lastGood === undefined ? 'none' : 'last_good';
  const compiled = problems.length === 0 ? current() : (lastGood ?? null);
  return { verdict: { kind: seen.kind, name: seen.name, problems, serving }, compiled };
};
const ofKind = <R extends Resource>(seen: readonly Seen[], kind: R['kind']): readonly Seen<R>[] =>
  seen.filter((one): one is Seen<R> => one.kind === kind);
const byName =
  <T>(name: (one: T) => string) =>
  (a: T, b: T): number =>
    name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0;
const compiledOf = <T>(judged: readonly Judged<T>[]): readonly T[] =>
  judged.flatMap(({ compiled }) => (compiled === null ? [] : [compiled]));

const judgeDatasets = (seen: readonly Seen<Dataset>[], { releases, lastGood }: CompileInput): readonly Judged<DatasetBase>[] =>
  seen.map((one) =>
    judge<DatasetBase>(
      one,
      one.problems,
      () => compileDataset(one.resource as Dataset, releases[one.name] ?? null),
      lastGood?.datasets.find((dataset) => dataset.name === one.name),
    ),
  );

const judgeEndpoints = (
  seen: readonly Seen<Endpoint>[],
  datasets: readonly DatasetBase[],
  { auth, lastGood }: CompileInput,
): readonly Judged<CompiledEndpoint>[] => {
  const taken = new Map<string, string>();
  return seen.map((one) => {
    const last = lastGood?.endpoints.find((endpoint) => endpoint.object === one.name);
    if (one.resource === null) return judge<CompiledEndpoint>(one, one.problems, () => last as CompiledEndpoint, last);
    const { resource } = one;
    const name = endpointName(resource);
    const owner = taken.get(name);
    if (owner === undefined) taken.set(name, one.name);
    const dataset = datasets.find((base) => base.name === resource.spec.datasetRef.name);
    const clash =
      owner === undefined
        ? []
        : [problem('duplicate_endpoint', 'spec.name', `the older Endpoint ${owner} has the name ${name}; choose another`)];
    const problems = [...clash, ...checkEndpointReferences(resource.spec, dataset, auth)];
    // A younger object never serves under a name that an older one has, not even in its last good form.
    const lastAllowed = last !== undefined && (taken.get(last.name) ?? one.name) === one.name ? last : undefined;
    return judge(one, problems, () => compileEndpoint(resource, dataset as DatasetBase), lastAllowed);
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
  const taken = new Map<string, string>();
  return seen.map((one) => {
    const kept = lastGood?.keys.find((key) => key.id === one.name);
    // A revocation counts whatever else is wrong with the object.
    const last = kept !== undefined && specOf(one)['state'] === 'Revoked' ? { ...kept, state: 'Revoked' as const } : kept;
    if (one.resource === null) return judge<CompiledKey>(one, one.problems, () => last as CompiledKey, last);
    const key = compileKey(one.resource, tokens[one.name] ?? []);
    const rival = key.hashes.map(({ sha256 }) => taken.get(sha256)).find((name) => name !== undefined);
    for (const { sha256 } of key.hashes) if (!taken.has(sha256)) taken.set(sha256, one.name);
    const clash =
      rival === undefined
        ? []
        : [problem('duplicate_key', 'spec.hash', `the older ApiKey ${rival} has this hash; give each key a token of its own`)];
    return judge(one, [...clash, ...checkKeyReferences(one.resource.spec, endpoints)], () => key, rival === undefined ? last : undefined);
  });
};

const withLayouts = (
  endpoints: readonly CompiledEndpoint[],
  datasets: readonly CompiledDataset[],
  bases: readonly DatasetBase[],
): readonly CompiledEndpoint[] =>
  endpoints.map((endpoint) => {
    const dataset = datasets.find((one) => one.name === endpoint.dataset);
    const base = bases.find((one) => one.name === endpoint.dataset);
    // A last good form that the dataset has outgrown keeps its old layout: it serves until the cutover and fails closed after it.
    return dataset !== undefined && base !== undefined && stillFits(endpoint, base) ? { ...endpoint, layout: dataset.layout } : endpoint;
  });

/** The digest that names a bundle's content. */
export const revisionOf = (content: Omit<Bundle, 'revision'>): string => digestOf(content);

/** Deterministic: the same resources, in any order, give the same bundle. */
export const compile = (input: CompileInput): Compiled => {
  const seen = lookAt(input.resources);
  const datasets = judgeDatasets(ofKind<Dataset>(seen, 'Dataset'), input);
  const bases = compiledOf(datasets);
  const endpointsSeen = ofKind<Endpoint>(seen, 'Endpoint');
  const endpoints = judgeEndpoints(endpointsSeen, bases, input);
  const served = compiledOf(endpoints).filter((endpoint) => bases.some((base) => base.name === endpoint.dataset));
  const compiledDatasets = bases
    .map((base) =>
      withEndpoints(
        base,
        served.filter((endpoint) => stillFits(endpoint, base)),
      ),
    )
    .toSorted(byName((one) => one.name));
  const keys = judgeKeys(ofKind<ApiKey>(seen, 'ApiKey'), declaredEndpoints(endpointsSeen, served), input);
  const content = {
    auth: input.auth,
    datasets: compiledDatasets,
    endpoints: withLayouts(served, compiledDatasets, bases).toSorted(byName((one) => one.name)),
    keys: compiledOf(keys).toSorted(byName((one) => one.id)),
  };
  const verdicts = [...datasets, ...endpoints, ...keys].map(({ verdict }) => verdict);
  return { bundle: { revision: revisionOf(content), ...content }, verdicts };
};
