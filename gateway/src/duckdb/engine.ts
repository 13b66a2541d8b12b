/** The Engine port over DuckDB: pooled connections, interruption, a probe of its own, replacement of a poisoned instance. */
import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import { err, ok, type Result } from '@offloader/contract';
import type { Engine, QueryFailure, QueryOptions, RowStream } from '../domain/engine.ts';
import type { Sql } from '../domain/sql.ts';
import { type Instance, openInstance } from './instance.ts';
import { createSlots } from './slots.ts';

export type EngineOptions = {
  readonly cacheDir: string;
  readonly poolSize: number;
  readonly remoteScanConcurrency: number;
  readonly threads: number;
  /** For the whole engine, e.g. 1GiB. */
  readonly memoryLimit: string;
};

/** How long a request may wait for a connection. Long enough for a short query to end, short enough to answer 503 at once. */
const slotWaitMs = 50;
/** Queries of 3 ms let 16 requests through one slot in that time; whoever comes after them would wait in vain. */
const waitersPerSlot = 16;

/** Errors of the way to the data, not of the statement: worth one more try on a new connection. */
const isBrokenConnection = (message: string): boolean =>
  /^(IO Error|Connection Error|HTTP Error)/.test(message) && !/checksum|Corrupt/i.test(message);

/** How long a close waits for queries that it has interrupted. */
const closeWaitMs = 5_000;

const chunksOf = async function* (result: DuckDBResult): AsyncGenerator<readonly (readonly unknown[])[]> {
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    yield chunk.getRows();
  }
};

const streamOf = (result: DuckDBResult): RowStream => {
  const types = result.columnTypes();
  return { columns: result.columnNames().map((name, at) => ({ name, type: String(types[at]) })), chunks: chunksOf(result) };
};

/** What ends a query early: the caller's signal or the timeout; both interrupt it inside DuckDB. */
const interruptible = (connection: DuckDBConnection, { signal, timeoutMs }: QueryOptions) => {
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
      return signal.aborted
        ? 'aborted'
        : { engine: error instanceof Error ? error.message : String((error as { message?: unknown }).message ?? error) };
    },
    end: (): void => {
      clearTimeout(timer);
      clearInterval(again);
      signal.removeEventListener('abort', interrupt);
    },
  };
};

/** Opens the engine. Throws when DuckDB cannot start with these limits. */
export const createEngine = async (options: EngineOptions): Promise<Engine> => {
  const instanceOptions = { cacheDir: options.cacheDir, threads: options.threads, memoryLimit: options.memoryLimit };
  let instance: Instance = await openInstance(instanceOptions);
  let probe = await instance.connect();
  let idle: DuckDBConnection[] = [];
  const attached = new Map<string, string>();
  const remoteCap = Math.min(options.poolSize, options.remoteScanConcurrency);
  /** Statements that run now. DuckDB deadlocks or crashes when a connection is closed below one of them. */
  const inFlight = new Set<Promise<unknown>>();
  const querying = new Set<DuckDBConnection>();
  let isClosed = false;
  const slots = createSlots(options.poolSize, options.poolSize * waitersPerSlot);
  const remoteSlots = createSlots(remoteCap, remoteCap * waitersPerSlot);

  const tracked = async <T>(statement: () => Promise<T>): Promise<T> => {
    if (isClosed) throw new Error('the engine is closed');
    const work = statement();
    inFlight.add(work);
    try {
      return await work;
    } finally {
      inFlight.delete(work);
    }
  };

  /** Interrupts what queries until nothing runs any more; false when something does not end. */
  const settled = async (): Promise<boolean> => {
    const interrupting = setInterval(() => querying.forEach((connection) => connection.interrupt()), 20);
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), closeWaitMs);
    try {
      return await Promise.race([Promise.allSettled(inFlight).then(() => true), late.promise]);
    } finally {
      clearInterval(interrupting);
      clearTimeout(timer);
    }
  };

  const runOn = async <T>(
    connection: DuckDBConnection,
    sql: Sql,
    query: QueryOptions,
    consume: (rows: RowStream) => Promise<T>,
  ): Promise<Result<T, QueryFailure>> => {
    if (query.signal.aborted) return err('aborted');
    const guard = interruptible(connection, query);
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
  const onConnection = async <T>(
    sql: Sql,
    query: QueryOptions,
    consume: (rows: RowStream) => Promise<T>,
    lends: 'any' | 'new' = 'any',
  ): Promise<Result<T, QueryFailure>> => {
    const owner = instance;
    const held = lends === 'any' ? idle.pop() : undefined;
    const connection = held ?? (await owner.connect());
    const outcome = await runOn(connection, sql, query, consume);
    if (outcome.ok && owner === instance) idle.push(connection);
    else connection.closeSync();
    return outcome;
  };

  const withRetry = async <T>(
    sql: Sql,
    query: QueryOptions,
    consume: (rows: RowStream) => Promise<T>,
  ): Promise<Result<T, QueryFailure>> => {
    const progress = { consumed: false };
    const first = await onConnection(sql, query, async (rows) => {
      progress.consumed = true;
      return consume(rows);
    });
    const failure = first.ok ? undefined : first.error;
    const isWorthIt = !progress.consumed && typeof failure === 'object' && isBrokenConnection(failure.engine);
    // What broke one idle connection may have broken them all.
    return isWorthIt ? onConnection(sql, query, consume, 'new') : first;
  };

  const inSlot: Engine['query'] = async (sql, query, consume) => {
    const asked = performance.now();
    const isRemote = query.mode === 'RemoteScan';
    if (isRemote && !(await remoteSlots.take(slotWaitMs, query.signal))) return err(query.signal.aborted ? 'aborted' : 'busy');
    try {
      const leftMs = Math.max(0, slotWaitMs - (performance.now() - asked));
      if (!(await slots.take(leftMs, query.signal))) return err(query.signal.aborted ? 'aborted' : 'busy');
      const started = performance.now();
      try {
        const outcome = await withRetry(sql, query, consume);
        return outcome.ok ? ok({ value: outcome.value, poolWaitMs: started - asked, queryMs: performance.now() - started }) : outcome;
      } finally {
        slots.give();
      }
    } finally {
      if (isRemote) remoteSlots.give();
    }
  };

  return {
    query: async (sql, query, consume) => (isClosed ? err('aborted') : tracked(async () => inSlot(sql, query, consume))),
    attach: async (file, alias) => {
      await tracked(async () => instance.attach(file, alias));
      attached.set(alias, file);
    },
    detach: async (alias) => {
      attached.delete(alias);
      await tracked(async () => instance.detach(alias));
    },
    probe: async () => {
      try {
        await tracked(async () => probe.run('SELECT 1'));
        return true;
      } catch {
        return false;
      }
    },
    replace: async () =>
      tracked(async () => {
        const next = await openInstance(instanceOptions);
        for (const [alias, file] of attached) {
          // A file that does not attach any more is the snapshots' business; the others must serve.
          await next.attach(file, alias).catch(() => attached.delete(alias));
        }
        probe = await next.connect();
        instance = next;
        idle = [];
      }),
    pool: () => ({
      connections: options.poolSize,
      busy: slots.taken(),
      saturated: slots.taken() >= options.poolSize,
      remote_cap: remoteCap,
    }),
    close: async () => {
      isClosed = true;
      // What does not end goes with the process.
      if (!(await settled())) return;
      for (const connection of idle) connection.closeSync();
      idle = [];
      probe.closeSync();
      instance.close();
    },
  };
};
