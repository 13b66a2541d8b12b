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

/** Starts examples/NAME/demo.ts; resolves when it has said that it is ready. */
export const startDemo = async (name: string, folder: string): Promise<Demo> => {
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
  if ((await Promise.race([ready, ended])) !== undefined) throw new Error(`the demo has ended:\n${out}`);
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
