/** Which snapshots are attached, which of them serve, and who still reads from those that do not. */
import { join } from 'node:path';
import type { Engine } from '../domain/engine.ts';
import { keptKey, type Serving } from '../domain/serving.ts';
import { quoted } from '../domain/sql.ts';
import { removeEmptyParent, removeLoad } from './disk.ts';
import { folders } from './layout.ts';
import { databaseFile } from './load-job.ts';
import type { Quarantine } from './quarantine.ts';
import { prove, readsInFull } from './prove.ts';
import type { LoadRecord } from './record.ts';

export type Attached = { readonly record: LoadRecord; readonly serving: Serving; readonly alias: string };
export type Fate = 'delete' | 'quarantine';

export type Servings = {
  /** Attaches a finished load and proves that it reads. Throws when it does not. */
  attach(record: LoadRecord): Promise<Attached>;
  /** Whether every value of it can be read. */
  reads(attached: Attached): Promise<boolean>;
  /** False once a replaced engine could not take it. */
  isAttached(attached: Attached): boolean;
  /** Active and kept of a dataset, swapped by one assignment; listeners are told in the same tick. */
  set(dataset: string, active: Attached | null, kept: readonly Attached[]): void;
  /** Detaches and removes a load once its last reader has gone. */
  retire(attached: Attached, fate: Fate): Promise<void>;
  /** Removes a load that is not attached. */
  remove(record: LoadRecord, fate: Fate): Promise<void>;
  lease(serving: Serving): { release(): void };
  servings(): ReadonlyMap<string, Serving>;
  kept(): ReadonlyMap<string, Serving>;
  onSwap(listener: (dataset: string) => void): void;
};

const relationsOf = (alias: string, record: LoadRecord): Serving['relations'] => ({
  ...(record.modes.length === 0 || record.modes.includes('LocalTable') ? { LocalTable: `${quoted(alias)}."main"."data"` } : {}),
  ...(record.modes.includes('RemoteScan') ? { RemoteScan: `${quoted(alias)}."main"."scan"` } : {}),
});

export const createServings = (cacheDir: string, engine: Engine, quarantine: Quarantine): Servings => {
  const readers = new Map<number, number>();
  const whenUnread = new Map<number, () => void>();
  const listeners: ((dataset: string) => void)[] = [];
  let active: ReadonlyMap<string, Serving> = new Map();
  let kept: ReadonlyMap<string, Serving> = new Map();
  let epochs = 0;

  const unread = async (epoch: number): Promise<void> => {
    if ((readers.get(epoch) ?? 0) > 0) await new Promise<void>((resolve) => whenUnread.set(epoch, resolve));
  };

  const remove: Servings['remove'] = async (record, fate): Promise<void> => {
    const folder = folders(cacheDir).load(record.dataset, record.loadId);
    if (fate === 'delete') return removeLoad(folder);
    await quarantine.setAside(folder, `${record.dataset}.${record.loadId}`);
    await removeEmptyParent(folder);
  };

  return {
    attach: async (record) => {
      epochs += 1;
      // Taken before anything is waited for: two that are attached side by side must not share their readers.
      const epoch = epochs;
      const alias = `s_${record.loadId}_${epoch}`;
      await engine.attach(join(folders(cacheDir).load(record.dataset, record.loadId), databaseFile), alias);
      const { dataset, snapshotId, watermark, loadedAt, rows, quality, layout, schema, tenantColumn } = record;
      const facts = { dataset, snapshotId, watermark, loadedAt, rows, quality, layout, schema, tenantColumn };
      const serving: Serving = { ...facts, relations: relationsOf(alias, record), epoch };
      try {
        await prove(engine, alias, record, serving);
      } catch (error) {
        await engine.detach(alias).catch(() => undefined);
        throw error;
      }
      return { record, serving, alias };
    },
    reads: async ({ serving }) => readsInFull(engine, serving),
    isAttached: ({ alias }) => engine.isAttached(alias),
    set: (dataset, next, others) => {
      const nextActive = new Map(active);
      if (next === null) nextActive.delete(dataset);
      else nextActive.set(dataset, next.serving);
      const nextKept = new Map([...kept].filter(([, serving]) => serving.dataset !== dataset));
      for (const { serving } of others) nextKept.set(keptKey(dataset, serving.snapshotId), serving);
      active = nextActive;
      kept = nextKept;
      for (const listener of listeners) listener(dataset);
    },
    retire: async (attached, fate) => {
      await unread(attached.serving.epoch);
      await engine.detach(attached.alias).catch(() => undefined);
      await remove(attached.record, fate);
    },
    remove,
    lease: (serving) => {
      readers.set(serving.epoch, (readers.get(serving.epoch) ?? 0) + 1);
      let isHeld = true;
      return {
        release: () => {
          if (!isHeld) return;
          isHeld = false;
          const left = (readers.get(serving.epoch) ?? 1) - 1;
          if (left > 0) readers.set(serving.epoch, left);
          else {
            readers.delete(serving.epoch);
            whenUnread.get(serving.epoch)?.();
            whenUnread.delete(serving.epoch);
          }
        },
      };
    },
    servings: () => active,
    kept: () => kept,
    onSwap: (listener) => listeners.push(listener),
  };
};
