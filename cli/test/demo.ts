/** An example started as its users start it, in a folder and on ports of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { plainEnv, repository } from './run-offloader.ts';

export type Demo = {
  readonly api: string;
  readonly admin: string;
  /** The curl lines that it printed, as requests; each with the remark above it. */
  readonly printed: readonly { readonly remark: string; readonly url: string; readonly token: string | undefined }[];
  readonly stop: () => Promise<number | null>;
};

/** A port can be taken between asking for it and using it; a demo that fails three times has another trouble. */
const attempts = 3;

/** Starts examples/NAME/demo.ts; resolves when it has said that it is ready. */
export const startDemo = async (name: string, folder: string): Promise<Demo> => {
  for (let attempt = 1; ; attempt += 1) {
    const demo = await tryDemo(name, folder);
    if (typeof demo !== 'string') return demo;
    if (attempt === attempts || !demo.includes('is in use by another process')) throw new Error(`the demo has ended:\n${demo}`);
  }
};

/** The demo, or what it said before it ended. */
const tryDemo = async (name: string, folder: string): Promise<Demo | string> => {
  const [apiPort, adminPort] = [await freePort(), await freePort()];
  const places = { OFFLOADER_DEMO_DIR: folder, OFFLOADER_API_PORT: String(apiPort), OFFLOADER_ADMIN_PORT: String(adminPort) };
  const script = join(repository, 'examples', name, 'demo.ts');
  const child = spawn(process.execPath, ['--conditions=source', '--disable-warning=ExperimentalWarning', script], {
    env: plainEnv(places),
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  let out = '';
  const ready = new Promise<undefined>((resolve) => {
    const add = (chunk: Buffer): void => {
      out += chunk.toString();
      if (out.includes('Ctrl-C stops it.')) resolve(undefined);
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
  });
  if ((await Promise.race([ready, ended])) !== undefined) return out;
  return {
    api: `http://127.0.0.1:${String(apiPort)}`,
    admin: `http://127.0.0.1:${String(adminPort)}`,
    printed: requestsIn(out),
    stop: async () => {
      child.kill('SIGINT');
      return (await ended)[0];
    },
  };
};

const requestsIn = (out: string): Demo['printed'] => {
  let remark = '';
  return out.split('\n').flatMap((line) => {
    if (line.startsWith('# ')) remark = line.slice(2);
    const [, token, url] = /^curl -s (?:-H 'Authorization: Bearer ([^']*)' )?'([^']*)'$/.exec(line) ?? [];
    return url === undefined ? [] : [{ remark, url, token }];
  });
};
