/** The frame of a suite over one API server: its CustomResourceDefinitions, and for each test a world of its own. */
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { ApiRelay } from './api-relay.ts';
import type { ApiServer } from './api-server.ts';
import { RushClock } from './rush-clock.ts';
import { World, clientOf, installCrds } from './world.ts';

/**
 * Opens a world in a namespace `<prefix>-<n>` before each test and hands it to `furnish`; `end` closes it after, and with it, in
 * the order that it takes, what the suite has beside it. The API server stops with the suite.
 */
export const inWorlds = (
  api: ApiServer,
  prefix: string,
  furnish: (world: World) => Promise<void>,
  end: (world: World) => Promise<void> = (world) => world.close(),
): void => {
  let world: World;
  let turn = 0;
  beforeAll(async () => {
    const client = clientOf(api.kubeconfig);
    await installCrds(client);
    client.close();
  });
  afterAll(() => api.stop());
  beforeEach(async () => {
    turn += 1;
    world = await new World(api.kubeconfig, `${prefix}-${String(turn)}`).open();
    await furnish(world);
  });
  afterEach(() => end(world));
};

export type Hurrying = { readonly world: World; readonly relay: ApiRelay; readonly clock: RushClock };

/** The same with a relay to the API server and a clock that can be made to run faster. */
export const inHurryingWorlds = (api: ApiServer, prefix: string, furnish: (given: Hurrying) => Promise<void>): void => {
  let given: Hurrying;
  inWorlds(
    api,
    prefix,
    async (world) => {
      given = { world, relay: await new ApiRelay(api).start(), clock: new RushClock() };
      await furnish(given);
    },
    async (world) => {
      given.clock.speed = 1;
      await world.close();
      await given.relay.stop();
    },
  );
};
