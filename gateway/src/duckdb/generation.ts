/** One DuckDB instance with its connections. What runs on it is known, so that nothing is ever closed below a statement. */
import { type DuckDBConnection, type DuckDBResult, ResultReturnType } from '@duckdb/node-api';
import { err, ok, type Result } from '@offloader/contract';
import { brokenOff } from '../domain/damage.ts';
import type { QueryFailure, QueryOptions, RowStream } from '../domain/engine.ts';
import { errorText } from '../domain/error-text.ts';
import type { Sql } from '../domain/sql.ts';
import { type InstanceOptions, openInstance } from './instance.ts';

/** `pooled` takes an idle connection, `new` makes one that stays, `own` makes one that is closed afterwards. */
export type Lends = 'pooled' | 'new' | 'own';
type Consume<T> = (rows: RowStream) => Promise<T>;
export type Generation = {
  query<T>(sql: Sql, query: QueryOptions, consume: Consume<T>, lends: Lends): Promise<Result<T, QueryFailure>>;
  attach(file: string, alias: string): Promise<void>;
  detach(alias: string): Promise<void>;
  /** False once a fatal error has invalidated the instance. */
  isAlive(): Promise<boolean>;
  /** No connection comes back to the pool any more; closes once nothing runs on it. */
  retire(): Promise<void>;
  /** As `retire`, interrupting what queries. What does not end within the time goes with the process. */
  close(waitMs: number): Promise<void>;
};

/**
 * A result that fails on the way ends like one that is exhausted: an interrupt, a value, a damaged block make it shorter, and no
 * fetch throws. What it is afterwards tells them apart; DuckDB's own words for it cannot be had.
 */
const chunksOf = async function* (result: DuckDBResult): AsyncGenerator<readonly (readonly unknown[])[]> {
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    yield chunk.getRows();
  }
  if (result.returnType === ResultReturnType.INVALID) throw new Error(brokenOff);
};

const streamOf = (result: DuckDBResult): RowStream => {
  const types = result.columnTypes();
  return { columns: result.columnNames().map((name, at) => ({ name, type: String(types[at]) })), chunks: chunksOf(result) };
};

/** What ends a query early: the caller's signal, the timeout, the end of the engine; all interrupt it inside DuckDB. */
const interruptible = (connection: DuckDBConnection, { signal, timeoutMs }: QueryOptions, isClosing: () => boolean) => {
  let timedOut = false;
  let again: NodeJS.Timeout | undefined;
  // DuckDB forgets an interrupt that comes before the statement has begun, so it is said until the query has ended.
  const interrupt = (): void => {
    connection.interrupt();
    again ??= setInterval(() => connection.interrupt(), 20);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    interrupt();
  }, timeoutMs);
  signal.addEventListener('abort', interrupt, { once: true });
  return {
    failure: (error: unknown): QueryFailure => {
      if (timedOut) return 'timeout';
      return signal.aborted || isClosing() ? 'aborted' : { engine: errorText(error) };
    },
    end: (): void => {
      clearTimeout(timer);
      clearInterval(again);
      signal.removeEventListener('abort', interrupt);
    },
  };
};

/** Opens an instance. Throws when DuckDB cannot start with these limits. */
export const openGeneration = async (options: InstanceOptions): Promise<Generation> => {
  const instance = await openInstance(options);
  const probe = await instance.connect();
  let idle: DuckDBConnection[] = [];
  let isRetired = false;
  let isClosing = false;
  /** Statements that run now. DuckDB deadlocks or crashes when a connection is closed below one of them. */
  const inFlight = new Set<Promise<unknown>>();
  const querying = new Set<DuckDBConnection>();
  let closed: Promise<void> | undefined;

  const tracked = async <T>(statement: () => Promise<T>): Promise<T> => {
    if (closed !== undefined) throw new Error('the engine is closed');
    const work = statement();
    inFlight.add(work);
    try {
      return await work;
    } finally {
      inFlight.delete(work);
    }
  };

  const runOn = async <T>(connection: DuckDBConnection, sql: Sql, query: QueryOptions, consume: Consume<T>) => {
    if (query.signal.aborted) return err('aborted' as const);
    const guard = interruptible(connection, query, () => isClosing);
    querying.add(connection);
    try {
      const result = await connection.stream(sql.text, [...sql.values]);
      return ok(await consume(streamOf(result)));
    } catch (error) {
      return err(guard.failure(error));
    } finally {
      guard.end();
      querying.delete(connection);
    }
  };

  /** A connection that failed is closed, not lent again: it may hold a half-read result or a dead file handle. */
  const onConnection = async <T>(sql: Sql, query: QueryOptions, consume: Consume<T>, lends: Lends): Promise<Result<T, QueryFailure>> => {
    const held = lends === 'pooled' ? idle.pop() : undefined;
    const connection = held ?? (await instance.connect().catch(() => null));
    if (connection === null) return err({ engine: 'Connection Error: the instance gives no connection' });
    const outcome = await runOn(connection, sql, query, consume);
    if (outcome.ok && lends !== 'own' && !isRetired) idle.push(connection);
    else connection.closeSync();
    return outcome;
  };

  /** In rounds: what ran when it was asked may have begun something more. */
  const quiet = async (): Promise<void> => {
    while (inFlight.size > 0) await Promise.allSettled(inFlight);
  };
  const closeAll = async (): Promise<void> => {
    await quiet();
    for (const connection of idle) connection.closeSync();
    idle = [];
    probe.closeSync();
    instance.close();
  };
  const end = async (): Promise<void> => {
    isRetired = true;
    closed ??= closeAll();
    return closed;
  };

  return {
    query: async (sql, query, consume, lends) =>
      closed === undefined ? tracked(async () => onConnection(sql, query, consume, lends)) : err('aborted'),
    attach: async (file, alias) => tracked(async () => instance.attach(file, alias)),
    detach: async (alias) => tracked(async () => instance.detach(alias)),
    isAlive: async () =>
      tracked(async () => probe.run('SELECT 1')).then(
        () => true,
        () => false,
      ),
    retire: end,
    close: async (waitMs) => {
      isClosing = true;
      const interrupting = setInterval(() => querying.forEach((connection) => connection.interrupt()), 20);
      const late = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => late.resolve(undefined), waitMs);
      try {
        await Promise.race([end(), late.promise]);
      } finally {
        clearInterval(interrupting);
        clearTimeout(timer);
      }
    },
  };
};
