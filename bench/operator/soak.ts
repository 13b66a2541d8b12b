/**
 * A soak: a real API server, two operators and two or three gateways, and for hours everything that users do and everything that
 * goes wrong, one after the other, while clients ask. Every ten seconds memory, descriptors, files, series and objects are looked
 * at; at the end none of them may have grown, and no client may have seen anything that is not promised.
 * Prints a page, writes it with --out FILE, keeps every sample as a JSON line in --samples FILE, and exits 1 when a bound is missed.
 *   node --conditions=source bench/operator/soak.ts [--minutes 360] [--seed 1] [--out FILE] [--samples FILE]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bounds } from './soak/bounds.ts';
import { nextFault } from './soak/faults.ts';
import { type Count, isMissed, pageOf } from './soak/page.ts';
import { seeded } from './soak/random.ts';
import { Sampling } from './soak/sampling.ts';
import { firstStanding, next } from './soak/sequence.ts';
import { onStage, type Stage, steadyDatasets } from './soak/stage.ts';
import { type Trend, trends } from './soak/verdict.ts';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '360' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    samples: { type: 'string', default: '.bench/soak/samples.jsonl' },
  },
});
const minutes = Number(options.minutes);
const seed = Number(options.seed);
const sampleMs = 10_000;
const deedMs = 3000;
/** A fault every three quarters of a minute, quicker in runs that are too short for that. */
const faultMs = Math.min(45_000, minutes * 1000);

/** When everything serves. */
let startedMs = performance.now();
const done = (): number => (performance.now() - startedMs) / (minutes * 60_000);
const tally = new Map<string, number>();
const count = (what: string): void => void tally.set(what, (tally.get(what) ?? 0) + 1);
const say = (what: string): void => void process.stderr.write(`${((performance.now() - startedMs) / 1000).toFixed(1)} s: ${what}\n`);

/** Does `act` again and again until the run is over; what fails is told and counted, and the run goes on. */
const lane = async (pauseMs: number, act: () => Promise<string>): Promise<void> => {
  while (done() < 1) {
    const what = await act();
    if (what !== '') count(what);
    await pause(pauseMs);
  }
};
const attempt = async (what: string, act: () => Promise<void>): Promise<string> => {
  const beganMs = performance.now();
  try {
    await act();
    say(`${what} (${((performance.now() - beganMs) / 1000).toFixed(1)} s)`);
    return what.split(' ')[0]!;
  } catch (error) {
    say(`FAILED ${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return 'failed';
  }
};

const churn = async ({ deeds }: Stage): Promise<void> => {
  const random = seeded(seed);
  let standing = firstStanding(steadyDatasets);
  await lane(deedMs, async () => {
    const [deed, after] = next(standing, random);
    standing = after;
    return attempt(`${deed.kind} ${JSON.stringify(deed)}`, async () => deeds.do(deed));
  });
};

/** Also says what lists have found that nothing explains. */
const harm = async ({ faults, replicas, operators }: Stage): Promise<number> => {
  const random = seeded(seed + 1);
  await lane(faultMs, async () => {
    const fault = nextFault(done(), replicas.all.length, random);
    return attempt(fault, async () => faults.make(fault));
  });
  const found = (await faults.found()) - faults.foundOnPurpose;
  // The leader that has lived so long ends too.
  count(await attempt('failOver', async () => operators.failOver('SIGKILL')));
  return found;
};

const sampled = async (stage: Stage): Promise<Sampling> => {
  await mkdir(dirname(options.samples), { recursive: true });
  await writeFile(options.samples, '');
  const sampling = new Sampling({ ...stage, file: options.samples });
  await lane(sampleMs, async () => {
    await sampling.take();
    stage.forgetRequests();
    return '';
  });
  return sampling;
};

let page = '';
let missed: readonly string[] = [];
const conclude = ({ clients, promised }: Stage, found: number, grown: readonly Trend[]): void => {
  const { wrong } = clients;
  const counts: readonly Count[] = [
    { what: 'requests of clients', count: clients.requests },
    { what: 'answered with another status than promised', count: wrong.status, bound: 0 },
    { what: 'broken off by a gateway that serves', count: wrong.connection, bound: 0 },
    { what: 'of a snapshot, or an edition of the endpoint, that is not to be served now', count: wrong.snapshot + wrong.version, bound: 0 },
    { what: 'with rows of another snapshot than the one named', count: wrong.mixed, bound: 0 },
    { what: 'of the old snapshot more than 2 s after another replica had the new one', count: wrong.apart, bound: 0 },
    { what: 'the longest that replicas were apart, in ms', count: Math.round(promised.longestApartMs) },
    { what: 'changes found by a full list that no watch had told, but for those that were cut off', count: found, bound: 0 },
    { what: 'what users did, or what went wrong, without the effect within 3 minutes', count: tally.get('failed') ?? 0, bound: 0 },
  ];
  const done = [...tally].filter(([what]) => what !== 'failed').map(([what, times]) => `${what} ${times}`);
  const about = [
    `Made by \`make soak\`${minutes === 360 ? '' : `, here with \`ARGS='--minutes ${minutes}'\``}: ${minutes} minutes, seed ${seed}. Two gateways, three in the third quarter, and two operators on a real API server; ${steadyDatasets} datasets that stay, the first in MinIO, and up to three that come and go; up to four minted keys beside the one that stays. What users do comes one after the other, and so does what goes wrong, while each gateway is asked some four times a second. The first gateway lives the whole time, and the operator that leads once the first sixth is over to the end. All on the same ${cpus().length} cores.`,
    `Done: ${done.join(', ')}.`,
  ];
  page = pageOf(about, counts, grown);
  missed = [
    ...counts.filter(isMissed).map(({ what }) => what),
    ...grown.filter(({ met }) => !met).map((one) => `${one.subject}: ${one.bound.what}`),
  ];
};

const logs = join(dirname(options.samples), 'operators.log');
await mkdir(dirname(logs), { recursive: true });
await writeFile(logs, '');
await onStage({ minutes, seed, complain: say, log: logs }, async (stage) => {
  say('everything serves');
  startedMs = performance.now();
  const asking = stage.clients.run();
  const [sampling, found] = await Promise.all([sampled(stage), harm(stage), churn(stage)]);
  await stage.deeds.settle();
  stage.clients.stop();
  await asking;
  conclude(stage, found, trends(sampling.samples, bounds));
});
process.stdout.write(page);
if (options.out !== undefined) await writeFile(options.out, page);
if (missed.length > 0) {
  process.stderr.write(`missed: ${missed.join('; ')}\n`);
  process.exitCode = 1;
}
