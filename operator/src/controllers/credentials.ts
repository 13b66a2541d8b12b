/** Reads the Secrets that datasets name for their sources. They are read by name, never listed, and copied for the gateways only. */
import type { Credentials, SourceCredentials } from '@offloader/contract';
import type { NamedSecret } from '../domain/named-secrets.ts';
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

export type CredentialDeps = {
  readonly cluster: Cluster;
  readonly observe: Observe;
  readonly monotonicMs: () => number;
  readonly random: () => number;
};

export type Gathered = {
  readonly credentials: Credentials;
  /** When the next answer is too old. */
  readonly againInMs: number;
};

/** The answers about the Secrets that datasets name, each kept for a while. */
export class CredentialReader {
  readonly #deps: CredentialDeps;
  readonly #kept = new Map<string, Kept>();

  constructor(deps: CredentialDeps) {
    this.#deps = deps;
  }

  /** The credentials that are named; one whose Secret is not there is left out, and the gateway says so. */
  async gather(named: readonly NamedSecret[]): Promise<Gathered> {
    const names = new Set(named.map(({ name }) => name));
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#kept.delete(name);
    const nowMs = this.#deps.monotonicMs();
    const answers = await Promise.all(named.map((secret) => this.#answer(secret, nowMs)));
    return {
      credentials: Object.fromEntries(answers.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]))),
      againInMs: turnInMs(named, answers, nowMs),
    };
  }

  async #answer({ name, users, lifetimeMs }: NamedSecret, nowMs: number): Promise<Kept> {
    const kept = this.#kept.get(name);
    if (kept?.users === users && nowMs < kept.readMs + kept.jitter * lifetimeMs) return kept;
    const secret = await this.#deps.cluster.readSecret(name);
    if (secret === undefined) this.#deps.observe({ kind: 'credentials_missing', secret: name });
    // Spread, so that a thousand that were read together are not due together for ever.
    const jitter = 0.8 + 0.2 * this.#deps.random();
    const answer = { name, users, readMs: nowMs, jitter, value: secret === undefined ? undefined : credentialsOf(secret) };
    this.#kept.set(name, answer);
    return answer;
  }
}

type Kept = {
  readonly name: string;
  readonly users: string;
  readonly readMs: number;
  readonly jitter: number;
  readonly value: SourceCredentials | undefined;
};

/** A turn of the whole configuration must not be run for every single answer. */
const turnInMs = (named: readonly NamedSecret[], answers: readonly Kept[], nowMs: number): number => {
  const due = answers.map(({ readMs, jitter }, n) => readMs + jitter * (named[n]?.lifetimeMs ?? 0) - nowMs);
  return Math.max(named.some(({ doubted }) => doubted) ? 1000 : 5000, Math.min(...due));
};

const credentialsOf = (secret: Secret): SourceCredentials =>
  Object.fromEntries(
    fields.flatMap((field) => {
      const value = secret.data?.[field];
      return value === undefined ? [] : [[field, Buffer.from(value, 'base64').toString('utf8').trim()]];
    }),
  );
