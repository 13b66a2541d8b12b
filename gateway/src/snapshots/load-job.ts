/** What a load is asked for and what it answers: plain JSON between the gateway and its loader process. */
import type { Column, Problem, ServingMode } from '@offloader/contract';

/** Why a snapshot did not load: `rejected` blames the data, `failed` the attempt. */
export type LoadFailure = { readonly status: 'rejected' | 'failed'; readonly problems: readonly Problem[] };
export type LoadFile = {
  readonly path: string;
  readonly name: string;
  readonly format: 'csv' | 'parquet';
  readonly rowCount: number;
  /** It lies on a disk of this machine, not in the network. */
  readonly isLocal: boolean;
};
export type LoadJob = {
  /** The folder the load works in; everything it makes lies there, and its name is the load's id. */
  readonly folder: string;
  readonly files: readonly LoadFile[];
  /** What is kept: the columns of the dataset. */
  readonly schema: readonly Column[];
  /** What the manifest says that the files hold: these and perhaps more, and perhaps wider. */
  readonly declared: readonly Column[];
  readonly modes: readonly ServingMode[];
  /** The tenant column, then the columns that endpoints filter by: the physical order of the table. */
  readonly sortColumns: readonly string[];
  /** null: what the files hold is what there is (no promise to keep). */
  readonly rowCount: number | null;
  /** Of the loader process as a whole. */
  readonly memoryLimit: string;
  readonly threads: number;
};
export type LoadAnswer =
  | { readonly kind: 'loaded'; readonly rows: number; readonly bytes: number }
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] };

/** Below a job's folder: what its load needs only while it runs. */
export const spillFolder = 'spill';
export const databaseFile = 'data.duckdb';
/** One row that names the load: a file that was put in another's place is found by it. */
export const originTable = 'origin';
