/** A Serving is one loaded snapshot that answers requests; Live is everything that a request may read, swapped by one assignment. */
import type { AuthMode, Column, CompiledDataset, CompiledEndpoint, CompiledKey, ServingMode } from '@offloader/contract';

export type Serving = Readonly<{
  dataset: string;
  snapshotId: string;
  /** Verbatim from the manifest. */
  watermark: string | null;
  /** RFC 3339 UTC. */
  loadedAt: string;
  rows: number;
  quality: 'passed' | 'warning' | 'failed';
  /** CompiledDataset.layout that it was loaded for. */
  layout: string;
  schema: readonly Column[];
  tenantColumn: string | null;
  /** SQL text to stand after FROM, per mode; a mode that was not loaded is absent. */
  relations: Readonly<Partial<Record<ServingMode, string>>>;
  /** Unique per load in this process: a forced refresh of the same snapshot id gets a new one (cache keys use it). */
  epoch: number;
}>;

export type Live = Readonly<{
  /** null until a configuration has been applied: every /v1 call is 503 not_ready. */
  revision: string | null;
  auth: AuthMode;
  /** By URL name. Endpoints of a dataset in a blue-green cutover are those of the layout that serves. */
  endpoints: ReadonlyMap<string, CompiledEndpoint>;
  /** By SHA-256 hex of the token. */
  keys: ReadonlyMap<string, CompiledKey>;
  datasets: ReadonlyMap<string, CompiledDataset>;
  /** The active snapshot by dataset. */
  servings: ReadonlyMap<string, Serving>;
  /** Previous snapshots that a cursor may go on with, by keptKey(dataset, snapshotId): none that a block or a pin holds back. */
  kept: ReadonlyMap<string, Serving>;
  /** SIGTERM received: /ready is 503. */
  draining: boolean;
}>;

/** All of it that documents read; snapshots come and go without a change of these. */
export type Described = Pick<Live, 'revision' | 'auth' | 'endpoints'>;

export const keptKey = (dataset: string, snapshotId: string): string => `${dataset}\n${snapshotId}`;

/** Read `current()` once per request; everything a response says comes from that value and from one leased Serving. */
export interface LiveState {
  current(): Live;
  /** Holds a Serving's files until released; call in the same tick as current(). */
  lease(serving: Serving): { release(): void };
}
