/** What is secret stands in Secrets alone: every value that a suite met is looked for in all that the release tells anybody. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { addressOf, gatewayPods, operatorPods, type Pod } from './gateways.ts';
import { kubectl, kubectlOffloader, type KubeObject } from './kubectl.ts';

const run = promisify(execFile);

/** What the values of Secrets are called, by value: `NAME.KEY`. */
export type Secrets = Map<string, string>;

/** Key hashes, which are told on purpose. */
const hashes = 'offloader-gateway-keys';
/** Shorter ones would be found by chance. */
const leastLength = 8;

const textsIn = (value: string): readonly string[] => {
  try {
    const fields = Object.values(JSON.parse(value) as object);
    return fields.filter((field): field is string => typeof field === 'string');
  } catch {
    return [value];
  }
};

/** Adds the values of the Secrets that there are now; one that goes later stays known. */
export const meetSecrets = async (known: Secrets): Promise<void> => {
  const { items } = JSON.parse(await kubectl('get', 'secrets', '--output', 'json')) as {
    readonly items: readonly (KubeObject & { readonly type: string })[];
  };
  const secret = items.filter(({ metadata, type }) => !type.startsWith('helm.sh/') && metadata.name !== hashes);
  const values = secret.flatMap(({ metadata, data = {} }) =>
    Object.entries(data).map(([key, encoded]) => [`${metadata.name}.${key}`, Buffer.from(encoded, 'base64').toString('utf8')] as const),
  );
  for (const [name, value] of values) for (const text of textsIn(value)) if (text.length >= leastLength) known.set(text, name);
};

const readable = [
  'all,configmaps,events,persistentvolumeclaims,persistentvolumes,leases',
  'datasets.offloader.dev,endpoints.offloader.dev,apikeys.offloader.dev',
].join(',');

const logsOf = async ({ name }: Pod): Promise<readonly (readonly [string, string])[]> => {
  const previous = await kubectl('logs', name, '--all-containers', '--previous').catch(() => '');
  return [
    [`the log of ${name}`, await kubectl('logs', name, '--all-containers')],
    [`the log of ${name} before its restart`, previous],
  ];
};

const pagesOf = async (pod: Pod, port: number, paths: readonly string[], token = ''): Promise<readonly (readonly [string, string])[]> =>
  Promise.all(
    paths.map(async (path) => {
      const url = `http://${addressOf(pod)}:${String(port)}${path}`;
      const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(30_000) });
      if (!response.ok) throw new Error(`${url} answered ${String(response.status)}`);
      return [`${path} of ${pod.name}`, await response.text()] as const;
    }),
  );

const bundle = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-bundle-'));
  try {
    const file = join(folder, 'bundle.tar.gz');
    await kubectlOffloader('support-bundle', '--out', file);
    return (await run('tar', ['-xzOf', file], { maxBuffer: 256 * 1024 * 1024 })).stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
};

/** All that somebody without access to Secrets may read, and what the administrator's page says too. */
const told = async (known: Secrets): Promise<readonly (readonly [string, string])[]> => {
  const [gateways, operators] = await Promise.all([gatewayPods(), operatorPods()]);
  const adminToken = [...known].findLast(([, name]) => name === 'offloader-gateway-secrets.adminToken')?.[0];
  const pods = [...gateways, ...operators];
  return [
    ['the objects', await kubectl('get', readable, '--output', 'yaml')],
    ...(await Promise.all(pods.map(logsOf))).flat(),
    ...(
      await Promise.all(gateways.map((pod) => pagesOf(pod, 4001, ['/metrics', '/diagnostics', '/docs', '/openapi.json'], adminToken)))
    ).flat(),
    ...(await Promise.all(operators.map((pod) => pagesOf(pod, 8080, ['/metrics'])))).flat(),
    ['the support bundle', await bundle()],
  ];
};

const formsOf = (text: string): readonly string[] => [text, Buffer.from(text).toString('base64'), encodeURIComponent(text)];

/** Where a secret stands that must not: `NAME.KEY in PLACE`, never the value. */
export const secretsTold = async (known: Secrets): Promise<readonly string[]> => {
  const places = await told(known);
  const found = [...known].flatMap(([text, name]) =>
    places.filter(([, content]) => formsOf(text).some((form) => content.includes(form))).map(([place]) => `${name} in ${place}`),
  );
  return [...new Set(found)];
};
