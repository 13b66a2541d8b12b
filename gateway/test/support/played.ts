// The real API over an engine that the test plays: it counts queries, gives rows, fails or waits as it is told, and the clock stands still.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CompiledEndpoint, err, ok } from '@offloader/contract';
import { createResponseCache } from '../../src/cache/responses.ts';
import type { Engine, QueryFailure, QueryOptions, RowStream } from '../../src/domain/engine.ts';
import type { Observation } from '../../src/domain/observation.ts';
import type { Live } from '../../src/domain/serving.ts';
import { createSigner } from '../../src/domain/signature.ts';
import { createSlots } from '../../src/duckdb/slots.ts';
import { createApi } from '../../src/http/api.ts';
import { createLimits } from '../../src/http/limits.ts';
import { liveOf, servingOf } from './compiled.ts';
import { secretKeyBase } from './gateway.ts';

type Rows = readonly (readonly unknown[])[];
export type Played = {
  /** What the next queries give: rows, then the failure; the failure at once when there are no rows. */
  outcome: { readonly rows?: readonly Rows[]; readonly failure?: QueryFailure; readonly until?: Promise<void> };
  live: Live;
  nowMs: number;
  readonly observed: Observation[];
  /** Engine faults that were told to the snapshots. */
  readonly reported: string[];
  queries(): number;
  leases(): number;
  /** Asks `/v1/endpoints/{path}`. */
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Forgets what was observed, reported and counted. */
  reset(): void;
  end(): Promise<void>;
};

/** An answered row of the plain endpoint: a day and a number. */
export const aRow: Rows = [['2026-01-01', 1n]];

const chunksOf = async function* (chunks: readonly Rows[], failure: QueryFailure | undefined): AsyncGenerator<Rows> {
  yield* chunks;
  if (failure !== undefined) throw new Error('mid-stream');
};

/** A public API over endpoints of `events`, with one snapshot. */
export const startPlayed = async (endpoints: readonly CompiledEndpoint[]): Promise<Played> => {
  let queries = 0;
  let leases = 0;
  const query = async <T>(_sql: unknown, _options: QueryOptions, consume: (rows: RowStream, poolWaitMs: number) => Promise<T>) => {
    const { rows, failure, until } = played.outcome;
    queries += 1;
    await until;
    if (rows === undefined && failure !== undefined) return err(failure);
    const columns = [{ name: 'day', type: 'VARCHAR' }, { name: 'big', type: 'BIGINT' }]; // prettier-ignore
    try {
      return ok({ value: await consume({ columns, chunks: chunksOf(rows ?? [], failure) }, 0), poolWaitMs: 0, queryMs: 0 });
    } catch {
      return err(failure ?? 'aborted');
    }
  };
  const served = new Map(endpoints.map((endpoint) => [endpoint.dataset, servingOf(endpoint)]));
  const app = createApi({
    live: {
      current: () => played.live,
      lease: () => {
        leases += 1;
        return { release: () => (leases -= 1) };
      },
    },
    answers: {
      engine: { query } as unknown as Engine,
      cache: createResponseCache(100, 1_000_000),
      sign: createSigner(secretKeyBase),
      timeoutMs: 5000,
      longAnswers: createSlots(1, 0),
      onEngineError: (dataset, epoch, message) => played.reported.push(`${dataset} ${epoch} ${message}`),
    },
    limits: createLimits(),
    corsOrigins: [],
    podName: null,
    observe: (event) => played.observed.push(event),
    now: () => played.nowMs,
    version: 'test',
    baseUrl: () => '',
    onKeyUsed: () => undefined,
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  const played: Played = {
    outcome: { rows: [aRow] },
    live: liveOf(endpoints, { auth: 'none', servings: served }),
    nowMs: Date.parse('2026-01-31T00:10:00Z'),
    observed: [],
    reported: [],
    queries: () => queries,
    leases: () => leases,
    get: async (path, init) => fetch(`http://127.0.0.1:${port}/v1/endpoints/${path}`, init),
    reset: () => {
      played.observed.length = 0;
      played.reported.length = 0;
      queries = 0;
    },
    end: async () => new Promise((resolve) => server.close(() => resolve())),
  };
  return played;
};
