/** Runs the offloader command of this checkout as a child process. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { adminPort, adminToken, apiPort, root } from './places.ts';
import type { Places } from './places.ts';

const command = ['--conditions=source', '--disable-warning=ExperimentalWarning', join(root, 'cli/src/main.ts')];

/** Runs one command to its end; throws when it fails. */
export const offloader = async (...args: string[]): Promise<void> => {
  const child = spawn(process.execPath, [...command, ...args], { cwd: root, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`offloader ${args[0] ?? ''} ended with ${String(code)}`);
};

/** Starts the gateway on an example's configuration, with the settings that are the example's; what it logs goes to a file. */
export const startGateway = (places: Places, settings: Readonly<Record<string, string>>): ChildProcess => {
  const log = openSync(places.log, 'w');
  return spawn(process.execPath, [...command, 'serve'], {
    cwd: root,
    stdio: ['ignore', log, log],
    env: {
      OFFLOADER_SECRET_KEY_BASE: 'only-for-the-demo-only-for-the-demo-only',
      ...process.env,
      ...settings,
      OFFLOADER_CONFIG: places.config,
      OFFLOADER_CACHE_DIR: places.cache,
      OFFLOADER_API_PORT: apiPort,
      OFFLOADER_ADMIN_PORT: adminPort,
      OFFLOADER_ADMIN_TOKEN: adminToken,
    },
  });
};
