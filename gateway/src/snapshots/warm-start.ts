/** What a restart finds on the volume: attached and proved before any source is asked, damaged files moved aside. */
import type { CompiledDataset } from '@offloader/contract';
import { decideServing } from '../domain/refresh.ts';
import type { Observe } from '../domain/observation.ts';
import type { LimitFunction } from 'p-limit';
import type { DatasetIndex } from './record.ts';
import { readRecord } from './record.ts';
import type { Attached, Servings } from './servings.ts';

type Ports = {
  readonly cacheDir: string;
  readonly servings: Servings;
  readonly observe: Observe;
  /** Runs one at a time, for all datasets together. */
  readonly oneByOne: LimitFunction;
};
type Found = { readonly attached: Attached | null; /** The id of a snapshot whose file does not read. */ readonly damaged: string | null };
export type WarmStart = {
  readonly active: Attached | null;
  readonly kept: readonly Attached[];
  /** The snapshot that served and whose file does not read. */
  readonly damaged: string | null;
  readonly index: DatasetIndex;
};

const nothing: Found = { attached: null, damaged: null };

const recover = async (
  { cacheDir, servings, observe, oneByOne }: Ports,
  dataset: CompiledDataset,
  loadId: string | null,
): Promise<Found> => {
  if (loadId === null) return nothing;
  const record = await readRecord(cacheDir, dataset.name, loadId);
  if (record === undefined || record.layout !== dataset.layout) return nothing;
  const { snapshotId } = record;
  try {
    // Another's file may have taken the engine along, or all at once may have been too much: the second time it is tried alone.
    const attached = await servings.attach(record).catch(async () => oneByOne(async () => servings.attach(record)));
    return { attached, damaged: null };
  } catch {
    observe({ kind: 'snapshot_quarantined', dataset: dataset.name, snapshotId, reason: 'the snapshot file does not read' });
    await servings.remove(record, 'quarantine').catch(() => undefined);
    return { attached: null, damaged: snapshotId };
  }
};

/** Attaches what the index names and chooses what serves: pins and blocks hold from the first answer on. */
export const findOnVolume = async (ports: Ports, dataset: CompiledDataset, index: DatasetIndex): Promise<WarmStart> => {
  const [first, ...others] = await Promise.all([index.active, ...index.kept].map(async (id) => recover(ports, dataset, id)));
  const active = first?.attached ?? null;
  const kept = others.map((one) => one.attached).filter((one) => one !== null);
  const records = kept.map((one) => one.record);
  const target = decideServing(dataset, active?.record ?? null, records);
  const chosen = kept.find((one) => one.record === target) ?? active;
  const rest = [active, ...kept].filter((one) => one !== null && one !== chosen) as Attached[];
  // Without its active snapshot a dataset starts from its source, conditional requests forgotten.
  const remembered = chosen === active ? index : { ...index, etag: null };
  return { active: chosen, kept: rest, damaged: first?.damaged ?? null, index: remembered };
};
