/** What most suites begin with: a dataset, an endpoint and a key that are named after the suite, and one published snapshot. */
import { apply, remove, secretValue, waitReady } from './kubectl.ts';
import { ensureLake, lakeSecretObject, publish } from './lake.ts';
import { dataset, endpoint, mintedKey, pathOf } from './resources.ts';

export type Trio = {
  /** For kubectl: the Dataset, the Endpoint and the ApiKey. */
  readonly targets: readonly [dataset: string, endpoint: string, key: string];
  /** Where the endpoint answers. */
  readonly path: string;
  /** The minted one, once they are served. */
  readonly token: string;
  /** Publishes snapshot `s1`, with one row of tenant acme, and applies the three; resolves when every replica serves them. */
  serve(visits?: number): Promise<void>;
  ready(): Promise<void>;
  remove(): Promise<void>;
};

/** Names them NAME, NAME-daily and NAME-key. */
export const trio = (name: string): Trio => {
  const targets = [`dataset.offloader.dev/${name}`, `endpoint.offloader.dev/${name}-daily`, `apikey.offloader.dev/${name}-key`] as const;
  let token = '';
  const ready = async (): Promise<void> => {
    for (const target of targets) await waitReady(target);
  };
  return {
    targets,
    path: pathOf(`${name}-daily`),
    get token() {
      return token;
    },
    serve: async (visits = 4) => {
      await ensureLake();
      await publish(name, 's1', [['acme', '2026-05-30', visits]]);
      await apply(
        lakeSecretObject,
        dataset(name),
        endpoint(`${name}-daily`, name),
        mintedKey(`${name}-key`, [`${name.replaceAll('-', '_')}_daily`]),
      );
      await ready();
      token = await secretValue(`${name}-key-token`, 'token');
    },
    ready,
    remove: async () => remove(...targets),
  };
};
