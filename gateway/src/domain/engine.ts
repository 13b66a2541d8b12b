/** The port through which everything but duckdb/ speaks to DuckDB. */
import type { Result, ServingMode } from '@offloader/contract';
import type { Sql } from './sql.ts';

export type ResultColumn = {
  readonly name: string;
  /** DuckDB's type text, e.g. DECIMAL(18,3), STRUCT(a INTEGER). */ readonly type: string;
};
/** One query's rows in chunks, as DuckDB values (see duckdb/values.ts for how they become JSON). Stop reading early by returning. */
export type RowStream = { readonly columns: readonly ResultColumn[]; readonly chunks: AsyncIterable<readonly (readonly unknown[])[]> };
export type QueryFailure = 'busy' | 'timeout' | 'aborted' | { readonly engine: string };
export type QueryOptions = { readonly mode: ServingMode; readonly signal: AbortSignal; readonly timeoutMs: number };

export interface Engine {
  /**
   * Runs one SELECT on a pooled connection and lends the rows to `consume`; the connection is back when consume ends, and
   * the query is interrupted in DuckDB when the signal aborts or the timeout passes. 'busy' after ~50 ms without a free slot.
   */
  query<T>(
    sql: Sql,
    options: QueryOptions,
    consume: (rows: RowStream, poolWaitMs: number) => Promise<T>,
  ): Promise<Result<{ value: T; poolWaitMs: number; queryMs: number }, QueryFailure>>;
  /** As `query`, on a connection of its own beside the pool: for looking into a file, not for requests. */
  examine<T>(sql: Sql, options: QueryOptions, consume: (rows: RowStream) => Promise<T>): Promise<Result<T, QueryFailure>>;
  /** Attaches a snapshot file READ_ONLY under the alias. Throws when the file is not a readable DuckDB database. */
  attach(file: string, alias: string): Promise<void>;
  detach(alias: string): Promise<void>;
  /** False for a file that did not attach any more when the instance was replaced. */
  isAttached(alias: string): boolean;
  /** SELECT 1 on a connection of its own: false when the instance is invalidated. */
  probe(): Promise<boolean>;
  /** Replaces an invalidated instance and attaches the same files again; resolves with how many did. */
  replace(): Promise<number>;
  pool(): { connections: number; busy: number; saturated: boolean; remote_cap: number };
  close(): Promise<void>;
}
