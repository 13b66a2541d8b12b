// Snapshots offered to one dataset of a room, and what is found of them: what served before serves after every refusal.
import { expect } from '@jest/globals';
import type { CompiledDataset } from '@offloader/contract';
import type { SnapshotsOptions } from '../../src/snapshots/snapshots.ts';
import { datasetOf, visits } from './lake.ts';
import { openRoom, type Room } from './room.ts';

export type Manifest = Record<string, any>;
export type Change = (manifest: Manifest) => unknown;
export type Offer = { readonly select?: string; readonly format?: 'parquet' | 'csv'; readonly change?: Change };
type Spec = Record<string, unknown>;

export type Offers = {
  readonly room: Room;
  /** The id that was published last. */
  readonly lastId: () => string;
  dataset(spec?: Spec, source?: Spec): CompiledDataset;
  /** Gives the dataset another form, and waits until it was looked at. */
  configure(spec?: Spec, source?: Spec): Promise<void>;
  /** Has the source looked at; what is found is answered, as `code at path`. */
  attempt(): Promise<readonly string[]>;
  /** Publishes a snapshot and has it looked at. */
  offer(offered: Offer): Promise<readonly string[]>;
  /** The same, of one that must be rejected. */
  refused(offered: Offer): Promise<readonly string[]>;
  /** The same, of one that must load and serve. */
  taken(offered: Offer): Promise<void>;
  /** A snapshot of two files; `second` is the SELECT of the other. */
  twoFiles(format: 'parquet' | 'csv', first: string, second: string, change?: Change): Promise<Offer>;
  /** What a SELECT over `$data`, the rows that serve, gives. */
  rows(sql: string): Promise<readonly (readonly unknown[])[]>;
  end(): Promise<void>;
};

/** Opens a room in which snapshot `s1` serves. Nothing is asked for but by the test. */
export const openOffers = async (options: Partial<SnapshotsOptions> = {}): Promise<Offers> => {
  const room = await openRoom(options);
  let serial = 1;
  const lastId = (): string => `s${serial}`;
  const dataset = (spec: Spec = {}, source: Spec = {}): CompiledDataset =>
    datasetOf(room.lake.url, { source: { manifest: { url: room.lake.url }, interval: '1h', ...source }, ...spec });
  const attempt = async (): Promise<readonly string[]> => {
    await room.snapshots.refresh('visits', { force: false });
    return room.report().refresh_errors.map(({ code, path }) => (path === '' ? code : `${code} at ${path}`));
  };
  const offer: Offers['offer'] = async ({ select = visits(9, 100), format = 'parquet', change = () => undefined }) => {
    serial += 1;
    await room.lake.publish(lastId(), select, { format, change: (manifest) => void change(manifest) });
    return attempt();
  };
  await room.lake.publish('s1', visits(1, 100));
  await room.start(dataset());
  return {
    room,
    lastId,
    dataset,
    configure: async (...given) => {
      room.snapshots.configure([dataset(...given)], {});
      await attempt();
    },
    attempt,
    offer,
    refused: async (offered) => {
      const before = await room.answer();
      const found = await offer(offered);
      expect([room.report().last_attempted?.status, await room.answer()]).toEqual(['rejected', before]);
      return found;
    },
    taken: async (offered) => {
      expect(await offer(offered)).toEqual([]);
      const serves = { last_attempted: { status: 'ok' }, active_snapshot: { snapshot_id: lastId() }, manifest_valid: true };
      expect(room.report()).toMatchObject(serves);
    },
    twoFiles: async (format, first, second, change = () => undefined) => {
      const other = `part-of-s${serial + 1}`;
      await room.lake.publish(other, second, { format });
      const [file] = (await room.lake.readManifest())['files'] as Manifest[];
      return {
        select: first,
        format,
        change: (manifest) => {
          const rows = Number(manifest['row_count']) + Number(file!['row_count']);
          Object.assign(manifest, { files: [...(manifest['files'] as Manifest[]), file], row_count: rows });
          change(manifest);
        },
      };
    },
    rows: async (sql) => {
      const serving = room.snapshots.state.servings().get('visits')!;
      const text = sql.replace('$data', serving.relations.LocalTable!);
      const options = { mode: 'LocalTable', signal: new AbortController().signal, timeoutMs: 60_000 } as const;
      const answer = await room.engine.query({ text, values: [] }, options, async ({ chunks }) => {
        const found: (readonly unknown[])[] = [];
        for await (const chunk of chunks) found.push(...chunk);
        return found;
      });
      if (!answer.ok) throw new Error(JSON.stringify(answer.error));
      return answer.value.value;
    },
    end: async () => room.end(),
  };
};
