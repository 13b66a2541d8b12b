// The lifecycle of a dataset's snapshots against a model of the contract: anything that can happen, in any order.
// MODEL_SEED, MODEL_RUNS and MODEL_STEPS make other and longer runs; MODEL_PATH and MODEL_REPLAY, as a failure prints them, that one again; MODEL_SHRINK=no looks for
// no smaller one.
import { test } from '@jest/globals';
import fc from 'fast-check';
import { runSteps } from '../support/snapshot-commands.ts';
import { steps } from '../support/snapshot-draw.ts';

const { env } = process;
const seed = Number(env['MODEL_SEED'] ?? 20_260_131);
const numRuns = Number(env['MODEL_RUNS'] ?? 4);
const maxCommands = Number(env['MODEL_STEPS'] ?? 30);
const minutes = Math.max(40, numRuns * 2);

test(`whatever happens to a dataset's snapshots, what serves is what the contract says (seed ${seed})`, async () => {
  const commands = fc.commands([...steps], { maxCommands, size: 'max', ...(env['MODEL_REPLAY'] === undefined ? {} : { replayPath: env['MODEL_REPLAY'] }) });
  await fc.assert(fc.asyncProperty(commands, runSteps), {
    seed,
    numRuns,
    // Short runs are no better than long ones here: every one opens a room.
    unbiased: true,
    endOnFailure: env['MODEL_SHRINK'] === 'no',
    ...(env['MODEL_PATH'] === undefined ? {} : { path: env['MODEL_PATH'] }),
    // A counterexample that is not the smallest is better than none.
    interruptAfterTimeLimit: minutes * 60_000,
    markInterruptAsFailure: true,
  });
}, (minutes + 2) * 60_000); // prettier-ignore
