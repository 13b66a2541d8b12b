/** Rows sent on as they are read: bounded memory, at the pace of whoever takes them. */
import { err, ok, type Result } from '@offloader/contract';
import type { CreateEncoder, Encoder } from '../domain/encoder.ts';
import type { RowStream } from '../domain/engine.ts';
import type { Format } from '../domain/format.ts';
import type { QueryPlan } from '../domain/query-plan.ts';
import { pageSql } from '../domain/select-sql.ts';
import { createArrowEncoder } from '../duckdb/arrow-encoder.ts';
import { createCsvEncoder, createJsonEncoder, createNdjsonEncoder } from '../duckdb/text-encoders.ts';
import { answerColumns } from './answer-columns.ts';
import { type AnswerPorts, type Refusal, runQuery } from './run-query.ts';
import { type ByteSink, sendOn } from './send-on.ts';
import { createWatchdog, type Watchdog } from './watchdog.ts';

export type StreamFormat = Exclude<Format, 'parquet'>;
export type Streamed = { readonly rowCount: number; readonly poolWaitMs: number; readonly queryMs: number };
/** What stands around the rows. */
export type Frame = { readonly before: Uint8Array; readonly after: (rowCount: number, hasMore: boolean) => Uint8Array };

const encoders: Readonly<Record<StreamFormat, CreateEncoder>> = {
  json: createJsonEncoder,
  ndjson: createNdjsonEncoder,
  csv: createCsvEncoder,
  arrow: createArrowEncoder,
};
export const noFrame: Frame = { before: new Uint8Array(), after: () => new Uint8Array() };

type Job = {
  readonly plan: QueryPlan;
  readonly encoder: Encoder;
  readonly frame: Frame;
  readonly sink: ByteSink;
  readonly watchdog: Watchdog;
};

const pump = async ({ plan, encoder, frame, sink, watchdog }: Job, { chunks }: RowStream): Promise<number> => {
  const { limit } = plan.request;
  let seen = 0;
  let isWanted = await sendOn(sink, Buffer.concat([frame.before, encoder.head()]), watchdog);
  if (!isWanted) return 0;
  for await (const chunk of chunks) {
    const wanted = chunk.slice(0, limit - Math.min(seen, limit));
    isWanted = await sendOn(sink, encoder.rows(wanted, seen === 0), watchdog);
    seen += chunk.length;
    // Before another chunk is asked for: the connection is back when a HEAD has been answered.
    if (!isWanted) break;
  }
  const rowCount = Math.min(seen, limit);
  if (isWanted) await sendOn(sink, Buffer.concat([encoder.tail(), frame.after(rowCount, seen > limit)]), watchdog);
  return rowCount;
};

export type Stream = {
  readonly format: StreamFormat;
  readonly frame: Frame;
  readonly sink: ByteSink;
  readonly signal: AbortSignal;
  /** Called once, before the first byte goes to the sink. */
  readonly onBegin: (times: Omit<Streamed, 'rowCount'>) => void;
};

/** However well it goes: ten minutes at 2 MB/s are more than a gigabyte, and a connection is wanted by others. */
const longestMs = 600_000;

/** Call in the same tick as live.current(). A failure may come after bytes have gone out: then the connection must break. */
export const streamRows = async (plan: QueryPlan, stream: Stream, ports: AnswerPorts): Promise<Result<Streamed, Refusal>> => {
  const { format, frame, sink } = stream;
  const askedMs = performance.now();
  const watchdog = createWatchdog(stream.signal, ports.timeoutMs);
  const around = { ports: { ...ports, timeoutMs: longestMs }, signal: watchdog.signal };
  try {
    const result = await runQuery(plan, pageSql(plan, 1), around, async (rows, poolWaitMs) => {
      stream.onBegin({ poolWaitMs, queryMs: performance.now() - askedMs - poolWaitMs });
      return pump({ plan, encoder: encoders[format](answerColumns(plan, rows)), frame, sink, watchdog }, rows);
    });
    const bite = watchdog.bitten();
    if (bite !== null) return err({ failure: { kind: 'timeout' }, cause: bite });
    if (!result.ok) return result;
    if (stream.signal.aborted) return err({ failure: { kind: 'internal' }, cause: 'aborted' });
    return ok({ rowCount: result.value.value, poolWaitMs: result.value.poolWaitMs, queryMs: result.value.queryMs });
  } finally {
    watchdog.end();
  }
};
