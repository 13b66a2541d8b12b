// A gateway over a fleet of datasets, asked all the time, and what must hold after every fault that is made to it: no wrong and no
// mixed answer, other datasets never stopped, all of it came back by itself, no orphan. Every suite looks at that in this way alone.
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statOf } from '../../support/loaders.ts';
import { type GatewayProcess, startProcess } from '../../support/process.ts';
import { ask, type Asked, startAsking } from './asking.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { attemptsIn, isRunning, left, orphansOn } from './volume.ts';

/** What was seen since the fault before; each list is of what must not be. */
export type Aftermath = Pick<Asked, 'wrong' | 'failed'> & {
  /** Datasets that gave no right answer meanwhile. */
  readonly silent: readonly string[];
  /** Datasets that do not serve what they must, and what they answer. */
  readonly late: readonly string[];
  readonly orphans: readonly string[];
  readonly loaders: readonly string[];
};

export type Rig = {
  readonly fleet: Fleet;
  /** For whatever a fault needs; `loaders` there names processes that must have ended. */
  readonly folder: string;
  readonly gateway: GatewayProcess;
  /** Starts the gateway, or starts it again, and asks it from then on. */
  start(environment?: Record<string, string>): Promise<void>;
  /** Its own log's word on how often a dataset's attempts have ended so: `a2 ok`. */
  attempts(name: string): readonly string[];
  /** Right answers since the last aftermath. */
  answered(): number;
  /** Waits until each dataset serves its `a<n>` and nothing is left behind, for as long as a slow machine may take. */
  aftermath(n: (name: string) => number): Promise<Aftermath>;
  end(): Promise<void>;
};

/** Loads step back for all else: on a machine that has no time left over, forty of them take minutes. */
const loadPatienceMs = 600_000;
const patienceMs = 120_000;

export const createRig = async (names: readonly string[], rows?: number): Promise<Rig> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-rig-'));
  const fleet = await createFleet(names, rows);
  let gateway: GatewayProcess | undefined;
  let asking: ReturnType<typeof startAsking> | undefined;
  const running = (): GatewayProcess => {
    if (gateway === undefined) throw new Error('the gateway has not been started');
    return gateway;
  };

  const loaders = async (): Promise<readonly string[]> => {
    const told = (await readFile(join(folder, 'loaders'), 'utf8').catch(() => '')).split('\n').filter((pid) => pid !== '');
    const own = String(running().child.pid);
    const all = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
    const children = await Promise.all(
      all.map(async (pid) => {
        const isChild = (await statOf(`/proc/${pid}`))[1] === own;
        return isChild && (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('loader-main') ? [pid] : [];
      }),
    );
    const suspects = [...new Set([...told, ...children.flat()])];
    return (await Promise.all(suspects.map(async (pid) => ((await isRunning(Number(pid))) ? [pid] : [])))).flat();
  };
  const late = async (n: (name: string) => number): Promise<readonly string[]> => {
    const answers = await Promise.all(names.map(async (name) => ({ name, answer: await ask(running().apiPort, name) })));
    return answers
      .filter(({ name, answer }) => !('n' in answer && answer.n === n(name)))
      .map(({ name, answer }) => `${name} answers ${JSON.stringify(answer)} instead of a${n(name)}`);
  };

  return {
    fleet,
    folder,
    get gateway() {
      return running();
    },
    start: async (environment = {}) => {
      if (gateway !== undefined && gateway.child.exitCode === null && gateway.child.signalCode === null) {
        gateway.child.kill('SIGKILL');
        await once(gateway.child, 'exit');
      }
      gateway = await startProcess([], {
        OFFLOADER_CONFIG: fleet.configDir,
        OFFLOADER_CACHE_DIR: fleet.cacheDir,
        // A connection for each who asks: what is looked for is what a fault does to a request, not what a full pool does.
        OFFLOADER_POOL_SIZE: String(names.length + 16),
        ...environment,
      });
      asking ??= startAsking(() => running().apiPort, names);
    },
    attempts: (name) => attemptsIn(running().lines, name),
    answered: () => asking?.seen().right ?? 0,
    aftermath: async (n) => {
      const isLate = await left(async () => late(n), loadPatienceMs);
      const silent = await left(async () => names.filter((name) => !asking!.seen().answered.has(name)), patienceMs);
      const orphans = await left(async () => orphansOn(fleet.cacheDir), patienceMs);
      const ghosts = await left(loaders, patienceMs);
      const { wrong, failed } = asking!.take();
      return { wrong, failed, silent, late: isLate, orphans, loaders: ghosts };
    },
    end: async () => {
      await asking?.stop();
      await gateway?.end();
      await fleet.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

type About = {
  /** The datasets that faults of this kind are made to, and the one of them that this fault was made to. */
  readonly victims?: readonly string[];
  readonly victim?: string;
  /** Answers that this fault may cost, written as `name 503`. */
  readonly excused?: RegExp;
};

/** What did not survive; nothing when everything did. What is of another victim is left to its own fault. */
export const lossesOf = (after: Aftermath | undefined, { victims = [], victim, excused }: About = {}): readonly string[] => {
  if (after === undefined) return ['the fault was not made'];
  const others = victims.filter((name) => name !== victim);
  const ours = (told: readonly string[]): readonly string[] => told.filter((text) => !others.some((name) => text.includes(name)));
  const failed = [...after.failed.keys()].filter((what) => excused?.test(what) !== true);
  return [
    ...ours(after.wrong).map((text) => `wrong: ${text}`),
    ...ours(failed).map((what) => `stopped: ${what}, ${after.failed.get(what) ?? 0} times`),
    ...ours(after.silent).map((name) => `silent: ${name}`),
    ...ours(after.late).map((text) => `not back: ${text}`),
    ...ours(after.orphans).map((path) => `left behind: ${path}`),
    ...after.loaders.map((pid) => `still runs: loader ${pid}`),
  ];
};
