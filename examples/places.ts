/** Where the examples keep what they make: everything under .demo/ of the checkout, which git ignores, or under OFFLOADER_DEMO_DIR. */
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** The folders of one example. */
export const placesOf = (example: string) => {
  const home = join(process.env['OFFLOADER_DEMO_DIR'] ?? join(root, '.demo'), example);
  return {
    home,
    staging: join(home, 'staging'),
    lake: join(home, 'lake'),
    config: join(home, 'config'),
    cache: join(home, 'cache'),
    log: join(home, 'gateway.log'),
  };
};
export type Places = ReturnType<typeof placesOf>;

export const apiPort = process.env['OFFLOADER_API_PORT'] ?? '4000';
export const adminPort = process.env['OFFLOADER_ADMIN_PORT'] ?? '4001';
export const apiUrl = `http://127.0.0.1:${apiPort}`;
export const adminUrl = `http://127.0.0.1:${adminPort}`;
/** Public like everything in the demo. */
export const adminToken = process.env['OFFLOADER_ADMIN_TOKEN'] ?? 'demo-admin-token';
