/** Standalone: a folder of the same manifests that one would apply with kubectl, compiled in the process. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import {
  type AuthMode,
  type Bundle,
  compile,
  type Credentials,
  err,
  type Finding,
  kindOf,
  ok,
  type Result,
  revisionOf,
  type SourceCredentials,
} from '@offloader/contract';
import { parseAllDocuments } from 'yaml';
import type { BundleSource } from './source.ts';

/** Twice this passes before an edit is read. */
const pollMs = 400;

export type ReadManifests = { readonly resources: readonly unknown[]; readonly findings: readonly Finding[] };

const yamlFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/** One file's documents: objects of our kinds, and what does not parse. Documents of other kinds are passed over. */
const readFileDocuments = async (
  path: string,
  file: string,
): Promise<{ readonly resources: readonly unknown[]; readonly findings: readonly Finding[] }> => {
  const documents = parseAllDocuments(await readFile(path, 'utf8'));
  const errors = documents.flatMap((document) => document.errors.slice(0, 1));
  return {
    resources: documents
      .flatMap((document) => (document.errors.length > 0 ? [] : [document.toJS() as unknown]))
      .filter((value) => kindOf(value) !== undefined),
    findings: errors.map((error) => ({ file, code: 'invalid_yaml', path: '', message: error.message.split('\n')[0] ?? 'is not YAML' })),
  };
};

/** Every document of every YAML file below a folder. */
export const readManifests = async (folder: string): Promise<ReadManifests> => {
  const files = await Promise.all((await yamlFiles(folder)).map(async (path) => readFileDocuments(path, relative(folder, path))));
  return { resources: files.flatMap((file) => file.resources), findings: files.flatMap((file) => file.findings) };
};

const secretKeys = [
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'serviceAccountJson',
  'hmacAccessId',
  'hmacSecret',
] as const satisfies readonly (keyof SourceCredentials)[];

/** A folder per name with a file per key, as Kubernetes mounts a Secret. */
const readCredentials = async (secretsDir: string | null, names: readonly string[]): Promise<Credentials> => {
  if (secretsDir === null) return {};
  const credentials: Record<string, SourceCredentials> = {};
  for (const name of names) {
    const held: Record<string, string> = {};
    for (const key of secretKeys) {
      const value = await readFile(join(secretsDir, name, key), 'utf8').catch(() => undefined);
      if (value !== undefined) held[key] = value.trimEnd();
    }
    if (Object.keys(held).length > 0) credentials[name] = held;
  }
  return credentials;
};

/** Where keys of Secrets may lie: one that is renewed is as much an edit as a manifest is. */
const secretFiles = async (secretsDir: string | null): Promise<readonly string[]> =>
  secretsDir === null
    ? []
    : (await readdir(secretsDir).catch(() => [])).sort().flatMap((name) => secretKeys.map((key) => join(secretsDir, name, key)));

/** Through links: Kubernetes mounts a Secret as links into a folder that it replaces. */
const markOf = async (file: string): Promise<string> => {
  const { mtimeMs, size, ino } = await stat(file);
  return `${file} ${mtimeMs} ${size} ${ino}`;
};

const findingText = ({ file, object, path, code, message, hint }: Finding): string =>
  `${[file, object, path, code].filter((part) => part !== undefined && part !== '').join(' ')}: ${message}${hint === undefined ? '' : ` (${hint})`}`;

/** Everything or nothing: in files, unlike in a cluster, an edit is one act, and a bad one is refused whole. */
const compileAll = (read: ReadManifests, auth: AuthMode): Result<Bundle, string> => {
  const { bundle, verdicts } = compile({ auth, resources: read.resources, tokens: {}, releases: {}, lastGood: null });
  const findings = [
    ...read.findings,
    ...verdicts.flatMap(({ kind, name, problems }) => problems.map((problem): Finding => ({ ...problem, object: `${kind}/${name}` }))),
  ];
  return findings.length > 0 ? err(findings.map(findingText).join('\n')) : ok(bundle);
};

export const manifestsSource = (folder: string, auth: AuthMode, secretsDir: string | null): BundleSource => ({
  pollMs,
  isEditedInPlace: true,
  read: async () => {
    try {
      const bundle = compileAll(await readManifests(folder), auth);
      if (!bundle.ok) return bundle;
      const names = bundle.value.datasets.flatMap(({ source }) => (source.credentials === null ? [] : [source.credentials]));
      // No operator: nobody releases snapshots, so replicas do not wait.
      const datasets = bundle.value.datasets.map((dataset) => ({
        ...dataset,
        snapshot: { ...dataset.snapshot, activation: 'Immediate' as const },
      }));
      const content = { auth: bundle.value.auth, datasets, endpoints: bundle.value.endpoints, keys: bundle.value.keys };
      return ok({
        bundle: { revision: revisionOf(content), ...content },
        credentials: await readCredentials(secretsDir, names),
        sequence: 0,
      });
    } catch (error) {
      return err(`the configuration folder cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
    }
  },
  mark: async () => {
    try {
      const secrets = (await secretFiles(secretsDir)).map(async (file) => markOf(file).catch(() => ''));
      return (await Promise.all([...(await yamlFiles(folder)).map(markOf), ...secrets])).join('\n');
    } catch {
      return 'unreadable';
    }
  },
});
