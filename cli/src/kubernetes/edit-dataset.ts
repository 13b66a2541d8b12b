/** Edits a Dataset and waits until every replica reports that it holds. */
import { setTimeout as wait } from 'node:timers/promises';
import { err } from '@offloader/contract';
import type { Dataset, Result } from '@offloader/contract';
import type { Cluster } from './cluster.ts';
import { progressOf } from './settled.ts';
import type { Progress, Wanted } from './settled.ts';

/** What to change, decided on the object as it is; or why not. */
export type Edit = (dataset: Dataset) => Result<{ readonly patch: object; readonly wanted: Wanted; readonly said: string }, string>;

/** Twice the 2 s that an edit takes to be live everywhere would do; a rebuild loads the data anew. */
const pollMs = 500;
const editTries = 5;

/** Edits, tells what was done, and waits. */
export const editDataset = async (
  cluster: Cluster,
  name: string,
  edit: Edit,
  { timeoutMs, say }: { readonly timeoutMs: number; readonly say: (line: string) => void },
): Promise<Result<string, string>> => {
  const edited = await apply(cluster, name, edit);
  if (!edited.ok) return edited;
  say(edited.value.said);
  const end = Date.now() + timeoutMs;
  let last: Progress = { kind: 'waiting', line: 'not asked yet' };
  while (Date.now() < end) {
    const dataset = await cluster.dataset(name);
    last = dataset.ok ? progressOf(dataset.value, edited.value.wanted) : { kind: 'waiting', line: dataset.error.message };
    if (last.kind === 'done') return { ok: true, value: last.line };
    if (last.kind === 'refused') return err(last.line);
    await wait(pollMs);
  }
  return err(`${name}: the edit is made, but not every gateway reports it after ${timeoutMs / 1000} s: ${last.line}`);
};

type Applied = { readonly wanted: Wanted; readonly said: string };

/** The patch carries the version it was decided on, so that a list that somebody else changed meanwhile is read again. */
const apply = async (cluster: Cluster, name: string, edit: Edit): Promise<Result<Applied, string>> => {
  for (let tries = 0; tries < editTries; tries += 1) {
    const dataset = await cluster.dataset(name);
    if (!dataset.ok) return err(`dataset ${name}: ${dataset.error.message}`);
    const decided = edit(dataset.value);
    if (!decided.ok) return err(`${name}: ${decided.error}`);
    const { patch, wanted, said } = decided.value;
    const { resourceVersion } = dataset.value.metadata;
    const patched = await cluster.patchDataset(name, withVersion(patch, resourceVersion));
    if (patched.ok) return { ok: true, value: { wanted, said: `${name}: ${said}` } };
    if (patched.error.status !== 409) return err(`dataset ${name}: ${patched.error.message}`);
  }
  return err(`${name}: somebody else keeps editing it; try again`);
};

const withVersion = (patch: object, resourceVersion: string | undefined): object => ({
  ...patch,
  metadata: { ...(patch as { metadata?: object }).metadata, resourceVersion },
});
