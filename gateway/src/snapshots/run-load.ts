/** Runs one load in a child process, so that one that dies or grows too large takes nothing with it. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadAnswer, LoadJob } from './load-job.ts';

/** Beside this file, as source in a checkout and compiled in an image, where no package has its source. */
const isSource = import.meta.url.endsWith('.ts');
const program = fileURLToPath(new URL(isSource ? './loader-main.ts' : './loader-main.js', import.meta.url));

/** The loader sees no secret: of the environment it gets only what Node.js needs. */
const environment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  ),
  // Each arena of the C library keeps what was given back to it; by default there are eight for each processor.
  MALLOC_ARENA_MAX: '2',
});

const givenUp: LoadAnswer = { kind: 'failed', problems: [{ code: 'load_failed', path: '', message: 'the load was given up' }] };
const died = (signal: NodeJS.Signals | null): LoadAnswer =>
  signal === 'SIGKILL'
    ? { kind: 'failed', problems: [{ code: 'out_of_memory', path: '', message: 'the loader was killed, most likely for want of memory' }] }
    : { kind: 'failed', problems: [{ code: 'load_failed', path: '', message: 'the loader ended without an answer' }] };

/** Resolves with the loader's answer; an abort kills it. */
export const runLoad = async (job: LoadJob, signal: AbortSignal): Promise<LoadAnswer> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve(givenUp);
    const child = fork(program, [], {
      execArgv: [...(isSource ? ['--conditions=source'] : []), '--disable-warning=ExperimentalWarning'],
      env: environment(),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const kill = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    let answer: LoadAnswer | undefined;
    child.once('message', (message) => (answer = message as LoadAnswer));
    // Every one: a second that nobody listens for would end the gateway.
    child.on('error', () => resolve(died(null)));
    child.once('exit', (_code, by) => {
      signal.removeEventListener('abort', kill);
      resolve(answer ?? (signal.aborted ? givenUp : died(by)));
    });
    child.send(job);
  });
