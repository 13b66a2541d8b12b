/** The loader process: takes one job from its parent, answers it, ends. */
import { load } from './loader.ts';
import type { LoadJob } from './load-job.ts';
import { stepBack } from './step-back.ts';

// Before the job comes, and DuckDB's threads with it.
stepBack();

process.once('message', (job) => {
  void load(job as LoadJob)
    .catch((error: unknown) => ({
      kind: 'failed',
      problems: [{ code: 'load_failed', path: '', message: error instanceof Error ? error.name : 'the loader broke' }],
    }))
    .then((answer) => process.send?.(answer, () => process.disconnect()));
});
// A gateway that dies takes its loaders with it; what they leave behind is collected at the next boot.
process.once('disconnect', () => process.exit(0));
