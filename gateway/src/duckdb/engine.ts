/** The Engine port over DuckDB: pooled connections, interruption, a probe of its own, replacement of a poisoned instance. */
import { err, ok, type Result } from '@offloader/contract';
import type { Engine, QueryFailure, QueryOptions, RowStream } from '../domain/engine.ts';
import type { Sql } from '../domain/sql.ts';
import { type Generation, openGeneration } from './generation.ts';
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

/** Opens the engine. Throws when DuckDB cannot start with these limits. */
export const createEngine = async (options: EngineOptions): Promise<Engine> => {
  const instanceOptions = { cacheDir: options.cacheDir, threads: options.threads, memoryLimit: options.memoryLimit };
  let current: Generation = await openGeneration(instanceOptions);
  const retired = new Set<Generation>();
  let attached: ReadonlyMap<string, string> = new Map();
  const remoteCap = Math.min(options.poolSize, options.remoteScanConcurrency);
  const slots = createSlots(options.poolSize, options.poolSize * waitersPerSlot);
  const remoteSlots = createSlots(remoteCap, remoteCap * waitersPerSlot);
  let isClosed = false;
  let turn: Promise<unknown> = Promise.resolve();

  /** What changes the set of attached files happens one after another: a file attached during a replacement is not lost. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isClosed) throw new Error('the engine is closed');
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };

  /** A new instance with those of the files that attach; one that takes the instance with it costs itself alone. */
  const reopen = async (files: ReadonlyMap<string, string>): Promise<{ opened: Generation; taken: ReadonlyMap<string, string> }> => {
    const opened = await openGeneration(instanceOptions);
    const taken = new Map<string, string>();
    for (const [alias, file] of files) {
      const isTaken = await opened.attach(file, alias).then(
        () => true,
        () => false,
      );
      if (isTaken) taken.set(alias, file);
      else if (!(await opened.isAlive())) {
        await opened.retire();
        return reopen(new Map([...files].filter(([other]) => other !== alias)));
      }
    }
    return { opened, taken };
  };

  const replace = async (): Promise<number> => {
    const { opened, taken } = await reopen(attached);
    const old = current;
    current = opened;
    // Queries that still run on it end there; its memory goes with the last of them.
    retired.add(old);
    void old.retire().finally(() => retired.delete(old));
    attached = taken;
    return taken.size;
  };

  const attach = async (file: string, alias: string): Promise<void> => {
    try {
      await current.attach(file, alias);
    } catch (error) {
      if (await current.isAlive()) throw error;
      // The instance was dead already, or the file has killed it: on a new one that shows, and the others serve on.
      await replace();
      await current.attach(file, alias).catch(async (again: unknown) => {
        if (!(await current.isAlive())) await replace();
        throw again;
      });
    }
    attached = new Map([...attached, [alias, file]]);
  };

  const withRetry = async <T>(
    sql: Sql,
    query: QueryOptions,
    consume: (rows: RowStream) => Promise<T>,
  ): Promise<Result<T, QueryFailure>> => {
    const progress = { consumed: false };
    const noting = async (rows: RowStream): Promise<T> => {
      progress.consumed = true;
      return consume(rows);
    };
    const first = await current.query(sql, query, noting, 'pooled');
    const failure = first.ok ? undefined : first.error;
    const isWorthIt = !progress.consumed && typeof failure === 'object' && isBrokenConnection(failure.engine);
    // What broke one idle connection may have broken them all.
    return isWorthIt ? current.query(sql, query, consume, 'new') : first;
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
        const outcome = await withRetry(sql, query, async (rows) => consume(rows, started - asked));
        return outcome.ok ? ok({ value: outcome.value, poolWaitMs: started - asked, queryMs: performance.now() - started }) : outcome;
      } finally {
        slots.give();
      }
    } finally {
      if (isRemote) remoteSlots.give();
    }
  };

  return {
    query: async (sql, query, consume) => (isClosed ? err('aborted') : inSlot(sql, query, consume)),
    examine: async (sql, query, consume) => (isClosed ? err('aborted') : current.query(sql, query, consume, 'own')),
    attach: async (file, alias) => inTurn(async () => attach(file, alias)),
    detach: async (alias) =>
      inTurn(async () => {
        attached = new Map([...attached].filter(([other]) => other !== alias));
        await current.detach(alias);
      }),
    isAttached: (alias) => attached.has(alias),
    probe: async () => current.isAlive(),
    replace: async () => inTurn(replace),
    pool: () => ({
      connections: options.poolSize,
      busy: slots.taken(),
      saturated: slots.taken() >= options.poolSize,
      remote_cap: remoteCap,
    }),
    close: async () => {
      isClosed = true;
      // What is in turn ends first: it may be about to put another instance in place.
      await turn;
      await Promise.all([current, ...retired].map(async (one) => one.close(closeWaitMs)));
    },
  };
};
