/** `make demo-publish`: publishes the next days of flights while the demo serves, and shows the answer change. */
import { ask, until } from '../gateway-answers.ts';
import { placesOf } from '../places.ts';
import { publish } from './publish-step.ts';
import { steps } from './steps.ts';

/** Load time of 3 million rows on a slow machine, and some. */
const swapLimitMs = 60_000;
const question = 'daily_delays?limit=1';
const now = () => ask(question, 'demo-ord-token');

const next = async (): Promise<number> => {
  const before = await now();
  if (before === undefined) {
    console.error('the demo does not answer; start it first: make demo');
    return 1;
  }
  const step = steps[steps.findIndex(({ snapshotId }) => snapshotId === before.meta.snapshot_id) + 1];
  if (step === undefined) {
    console.log(`snapshot ${before.meta.snapshot_id} is the last one; make demo starts over`);
    return 0;
  }
  console.log(`served now:  snapshot ${before.meta.snapshot_id}, newest day ${JSON.stringify(before.data[0])}`);
  await publish(placesOf('flights'), step);
  const start = Date.now();
  let failed = 0;
  const swapped = await until(async () => {
    const answer = await now();
    if (answer === undefined) failed += 1;
    return answer?.meta.snapshot_id === step.snapshotId;
  }, swapLimitMs);
  const after = await now();
  console.log(`served then: snapshot ${after?.meta.snapshot_id ?? 'none'}, newest day ${JSON.stringify(after?.data[0])}`);
  if (swapped)
    console.log(`${((Date.now() - start) / 1000).toFixed(1)} s after it was published, with no restart and ${failed} failed requests`);
  return swapped ? 0 : 1;
};

process.exitCode = await next();
