/** Reads the Secrets that datasets name for their sources. They are read by name, never listed, and copied for the gateways only. */
import type { Bundle, Credentials, SourceCredentials } from '@offloader/contract';
import type { Secret } from '../domain/kube-object.ts';
import type { Observe } from '../domain/observation.ts';
import type { Cluster } from './ports.ts';

const fields = [
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'serviceAccountJson',
  'hmacAccessId',
  'hmacSecret',
] as const satisfies readonly (keyof SourceCredentials)[];

/** The credentials that the bundle's datasets name; one whose Secret is not there is left out, and the gateway says so. */
export const gatherCredentials = async (cluster: Cluster, bundle: Bundle, observe: Observe): Promise<Credentials> => {
  const names = [...new Set(bundle.datasets.flatMap(({ source }) => (source.credentials === null ? [] : [source.credentials])))].toSorted();
  const found = await Promise.all(names.map(async (name) => [name, await cluster.readSecret(name)] as const));
  return Object.fromEntries(
    found.flatMap(([name, secret]) => {
      if (secret === undefined) observe({ kind: 'credentials_missing', secret: name });
      return secret === undefined ? [] : [[name, credentialsOf(secret)]];
    }),
  );
};

const credentialsOf = (secret: Secret): SourceCredentials =>
  Object.fromEntries(
    fields.flatMap((field) => {
      const value = secret.data?.[field];
      return value === undefined ? [] : [[field, Buffer.from(value, 'base64').toString('utf8').trim()]];
    }),
  );
