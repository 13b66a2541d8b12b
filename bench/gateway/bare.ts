/** Runs the bare server beside the gateway, on the file that the gateway has loaded. */
import { once } from 'node:events';
import { startNode } from '../child.ts';
import { filesBelow, type World } from './world.ts';

export type Bare = { readonly url: string; end(): Promise<void> };

const main = new URL('./bare-server.ts', import.meta.url).pathname;

export const startBare = async ({ cacheDir }: World): Promise<Bare> => {
  const file = (await filesBelow(cacheDir)).find(({ path }) => path.endsWith('/data.duckdb'));
  if (file === undefined) throw new Error('the gateway has loaded nothing');
  const args = ['--conditions=source', '--disable-warning=ExperimentalWarning', main, file.path];
  const { child, end } = startNode(args, { PATH: process.env['PATH'], NODE_ENV: 'production', MALLOC_ARENA_MAX: '2' }, [
    'ignore',
    'inherit',
    'inherit',
    'ipc',
  ]);
  const gone = once(child, 'exit').then(() => {
    throw new Error('the bare server has ended');
  });
  const [port] = (await Promise.race([once(child, 'message'), gone])) as [number];
  gone.catch(() => undefined);
  return { url: `http://127.0.0.1:${port}/`, end: async () => end('SIGKILL') };
};
