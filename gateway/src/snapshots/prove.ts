/** Proofs that an attached snapshot is what its record says and that it reads, each on a connection beside the pool. */
import type { Result } from '@offloader/contract';
import { isDamage } from '../domain/damage.ts';
import type { Engine, QueryFailure } from '../domain/engine.ts';
import type { Serving } from '../domain/serving.ts';
import { quoted } from '../domain/sql.ts';
import { originTable } from './load-job.ts';
import type { LoadRecord } from './record.ts';

const noAbort = new AbortController().signal;
const probeTimeoutMs = 60_000;
/** A full read of the largest snapshots; one that takes longer is not called damaged. */
const fullReadTimeoutMs = 600_000;

type Rows = readonly (readonly unknown[])[];

const read = async (engine: Engine, text: string, timeoutMs: number): Promise<Result<Rows, QueryFailure>> =>
  engine.examine({ text, values: [] }, { mode: 'LocalTable', signal: noAbort, timeoutMs }, async ({ chunks }) => {
    const rows: (readonly unknown[])[] = [];
    for await (const chunk of chunks) rows.push(...chunk);
    return rows;
  });

/** Throws unless the file under this alias is the record's own, has the rows that its load counted, and gives a row of each relation. */
export const prove = async (
  engine: Engine,
  alias: string,
  { loadId, rows }: Pick<LoadRecord, 'loadId' | 'rows'>,
  { relations }: Pick<Serving, 'relations'>,
): Promise<void> => {
  const origin = await read(engine, `SELECT load_id FROM ${quoted(alias)}."main"."${originTable}"`, probeTimeoutMs);
  if (!origin.ok) throw new Error('the file does not read');
  if (origin.value[0]?.[0] !== loadId) throw new Error('the file is of another load');
  for (const [mode, relation] of Object.entries(relations)) {
    if (!(await read(engine, `SELECT * FROM ${relation} LIMIT 1`, probeTimeoutMs)).ok) throw new Error(`${mode} does not read`);
  }
  // A table knows its count; that of a view would read every file.
  if (relations.LocalTable === undefined) return;
  const counted = await read(engine, `SELECT count(*) FROM ${relations.LocalTable}`, probeTimeoutMs);
  if (!counted.ok || Number(counted.value[0]?.[0]) !== rows) throw new Error('the file has other rows');
};

/** Reads every value of a snapshot. False only when its files are at fault: neither a timeout nor a want of memory condemns it. */
export const readsInFull = async (engine: Engine, { relations, schema }: Pick<Serving, 'relations' | 'schema'>): Promise<boolean> => {
  const columns = schema.map(({ name }) => quoted(name)).join(', ');
  for (const relation of Object.values(relations)) {
    const answer = await read(engine, `SELECT bit_xor(hash(${columns})) FROM ${relation}`, fullReadTimeoutMs);
    if (!answer.ok && typeof answer.error === 'object' && isDamage(answer.error.engine)) return false;
  }
  return true;
};
