/** The parts of the operator's and the gateway's tests that need a test around them. */
import { type ApiServer, from, type World } from './parts.ts';

export type CacheVolumes = {
  give(pod: string): Promise<string>;
  claimOf(pod: string): Promise<any>;
  volume(name: string): Promise<any>;
  succeed(n: number): Promise<string>;
  pod(name: string): Promise<any>;
};

export const { conditionOf, World: Worlds } = await from<{
  conditionOf: (status: any, type: string) => any;
  World: new (kubeconfig: string, namespace: string) => World;
}>('operator/test/support/world.ts');
export const { inWorlds } = await from<{
  inWorlds: (api: ApiServer, prefix: string, furnish: (world: World) => Promise<void>, end: (world: World) => Promise<void>) => void;
}>('operator/test/support/worlds.ts');
export const { CacheVolumes } = await from<{ CacheVolumes: new (world: World) => CacheVolumes }>('operator/test/support/cache-volumes.ts');
export const { requiring } = await from<{
  requiring: (need: 'mounts') => { readonly test: (name: string, body: () => Promise<void>) => void };
}>('gateway/test/support/linux.ts');
