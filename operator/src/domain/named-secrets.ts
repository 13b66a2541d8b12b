/** The Secrets that datasets name for their sources, and for how long an answer about each may be kept. */
import type { CompiledDataset } from '@offloader/contract';
import type { PodState } from './pod-state.ts';

export type NamedSecret = {
  readonly name: string;
  /** Which datasets name it, in which edition: another one asks again at once. */
  readonly users: string;
  /** A source refuses what it holds, or says that it is absent. */
  readonly doubted: boolean;
  readonly lifetimeMs: number;
};

/** A Secret that changes is with the gateways within half a minute: this, and the turn that notices. */
const keptMs = 25_000;
const doubtedKeptMs = 5000;
/** Of very many Secrets five are read a second, and each less often. */
const perReadMs = 200;

export type SecretFacts = {
  readonly datasets: readonly CompiledDataset[];
  /** By name of the Dataset: its edition. */
  readonly generations: ReadonlyMap<string, number>;
  readonly pods: readonly PodState[];
};

/** The Secrets that are named, in the order of their names. */
export const namedSecrets = ({ datasets, generations, pods }: SecretFacts): readonly NamedSecret[] => {
  const users = Map.groupBy(
    datasets.filter(({ source }) => source.credentials !== null),
    ({ source }) => source.credentials ?? '',
  );
  const refused = refusedDatasets(pods);
  const isDoubted = (of: readonly CompiledDataset[]): boolean => of.some(({ name }) => refused.has(name));
  const doubts = [...users.values()].filter(isDoubted).length;
  return [...users]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, of]) => {
      const doubted = isDoubted(of);
      return {
        name,
        users: of.map((dataset) => `${dataset.name}@${String(generations.get(dataset.name))}`).join(),
        doubted,
        lifetimeMs: doubted ? Math.max(doubtedKeptMs, doubts * perReadMs) : Math.max(keptMs, users.size * perReadMs),
      };
    });
};

/** The datasets whose source would not have the credentials, or had none, on some gateway. */
export const refusedDatasets = (pods: readonly PodState[]): ReadonlySet<string> =>
  new Set(
    pods.flatMap(({ rows }) =>
      [...rows.values()].filter(({ refresh_error: error }) => error?.code.startsWith('source_credentials_')).map(({ dataset }) => dataset),
    ),
  );
