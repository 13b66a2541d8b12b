/** Publishes one step of the demo with the command that producers use. */
import { join } from 'node:path';
import { offloader } from '../offloader.ts';
import type { Places } from '../places.ts';
import { prepare } from './prepare.ts';
import type { Step } from './steps.ts';

/** Copies the step's data file into the demo's lake and points the manifest at it. */
export const publish = async (places: Places, step: Step): Promise<void> =>
  offloader(
    ...['publish', await prepare(places, step), '--dataset', 'flights', '--snapshot-id', step.snapshotId],
    ...['--out', join(places.lake, 'flights'), '--sort-columns', 'origin,departed', '--producer', 'flights demo'],
  );
