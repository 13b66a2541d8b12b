/** Does what the sequence says, and waits until every gateway answers by it. */
import { annotations } from '@offloader/contract';
import { badCredentials, credentialsName, goodCredentials, Source } from './lakes.ts';
import { type DatasetChange, datasetSpec, endpointSpec, type Objects } from './objects.ts';
import type { Promised } from './promised.ts';
import { type Replicas, until } from './replicas.ts';
import type { Deed } from './sequence.ts';

/** A dataset that stays, or a guest, with the one endpoint over it. */
type Subject = {
  readonly name: string;
  readonly source: Source;
  /** Of the newest good snapshot, and of everything that was published. */
  newest: number;
  published: number;
  version: number;
  change: DatasetChange;
  /** What serves, if that is not the newest. */
  serves: number | undefined;
};
type Reported = { readonly datasets?: readonly { readonly dataset: string; readonly kept: readonly string[] }[] };

export type Tokens = {
  /** Asked for by clients; always good. */
  readonly steady: string;
  /** Minted ones by key: good, refused, or about to be one of them. */
  readonly minted: Map<number, { readonly token: string; readonly stands: 'good' | 'refused' }>;
};
export type DeedsOn = {
  readonly objects: Objects;
  readonly replicas: Replicas;
  readonly promised: Promised;
  readonly tokens: Tokens;
  readonly sources: readonly Source[];
};

export const endpointOf = (name: string): string => name.replaceAll('-', '_');
const pathTo = (name: string): string => `/v1/endpoints/${endpointOf(name)}`;
export const steadyName = (n: number): string => `steady-${n}`;
const guestName = (n: number): string => `guest-${n}`;
const keyName = (n: number): string => `key-${n}`;
const keySpec = (n: number, rotation: string, state = 'Active'): object => ({
  tenant: 'acme',
  endpoints: ['*'],
  state,
  tokenSecret: { name: `${keyName(n)}-token` },
  rotation: { token: rotation, overlap: '20s' },
});

export class Deeds {
  readonly #on: DeedsOn;
  readonly #steady: Subject[];
  readonly #guests = new Map<number, Subject>();
  #serial = 0;

  constructor(on: DeedsOn) {
    this.#on = on;
    this.#steady = on.sources.map((source, n) => subject(steadyName(n), source));
  }

  /** Names of the endpoints that clients may ask. */
  get endpoints(): readonly string[] {
    return [...this.#steady, ...this.#guests.values()].map(({ name }) => endpointOf(name));
  }

  /** The datasets that stay, with their first snapshot, before there is anybody to serve them. */
  async open(): Promise<void> {
    for (const one of this.#steady) await this.#found(one);
  }

  async settle(): Promise<void> {
    for (const one of this.#steady) await this.#served(one);
  }

  async do(deed: Deed): Promise<void> {
    this.#serial += 1;
    if ('dataset' in deed) await this.#onDataset(this.#steady[deed.dataset]!, deed);
    else if ('key' in deed) await this.#onKey(deed.key, deed.kind);
    else if (deed.kind === 'arrive') await this.#arrive(deed.guest);
    else await this.#leave(deed.guest);
  }

  async close(): Promise<void> {
    for (const { source } of this.#guests.values()) await source.remove();
  }

  async #onDataset(one: Subject, deed: Extract<Deed, { dataset: number }>): Promise<void> {
    const { objects } = this.#on;
    switch (deed.kind) {
      case 'publish':
        return this.#publish(one);
      case 'publishBad':
        one.published += 1;
        this.#hold(one);
        await one.source.publish(one.published, deed.fault);
        return until(async () => (await objects.read('Dataset', one.name)).status?.refreshError !== undefined);
      case 'pin':
        return this.#stepBack(one, (to) => ({ pin: `s${to}` }));
      case 'block':
        return this.#stepBack(one, () => ({ blocked: [`s${one.newest}`] }));
      case 'unpin':
      case 'unblock':
        one.serves = undefined;
        await this.#change(one, { ...without(one.change, 'snapshot') });
        return this.#release(one);
      case 'version':
        one.version += 1;
        this.#allow(one);
        await this.#applyEndpoint(one);
        return this.#served(one);
      case 'refresh':
        await this.#change(one, { ...one.change, refresh: `refresh-${this.#serial}` });
        return until(async () => (await objects.read('Dataset', one.name)).status?.handledRefresh === one.change.refresh);
      case 'rebuild':
        await this.#change(one, { ...one.change, rebuild: `rebuild-${this.#serial}` });
        return until(async () => (await objects.read('Dataset', one.name)).status?.handledRebuild === one.change.rebuild);
      case 'refuseCredentials':
        this.#hold(one);
        await objects.putSecret(credentialsName, badCredentials);
        return until(async () => (await objects.read('Dataset', one.name)).status?.refreshError !== undefined);
      case 'renewCredentials':
        await objects.putSecret(credentialsName, goodCredentials);
        await until(async () => (await objects.read('Dataset', one.name)).status?.refreshError === undefined);
        await this.#served(one);
        return this.#release(one);
    }
  }

  async #publish(one: Subject): Promise<void> {
    one.published += 1;
    one.newest = one.published;
    this.#allow(one);
    await one.source.publish(one.newest);
    await this.#served(one);
    this.#release(one);
    await one.source.forget(one.newest - 4);
  }

  /** To the snapshot that every replica keeps; while there is none it stays as it is. */
  async #stepBack(one: Subject, snapshot: (to: number) => NonNullable<DatasetChange['snapshot']>): Promise<void> {
    const kept = await Promise.all(
      this.#on.replicas.all.map(async (pod) => {
        const { datasets = [] } = (await pod.diagnostics().catch(() => ({}))) as Reported;
        return datasets.find(({ dataset }) => dataset === one.name)?.kept ?? [];
      }),
    );
    const common = kept[0]?.find((id) => id !== `s${one.newest}` && kept.every((ids) => ids.includes(id)));
    if (common === undefined) return;
    one.serves = Number(common.slice(1));
    this.#hold(one);
    await this.#change(one, { ...one.change, snapshot: snapshot(one.serves) });
  }

  async #change(one: Subject, change: DatasetChange): Promise<void> {
    one.change = change;
    this.#allow(one);
    await this.#applyDataset(one);
    await this.#served(one);
  }

  async #found(one: Subject): Promise<void> {
    one.published = 1;
    one.newest = 1;
    this.#allow(one);
    await one.source.publish(1);
    await this.#applyDataset(one);
    await this.#applyEndpoint(one);
  }

  async #arrive(guest: number): Promise<void> {
    const name = guestName(guest);
    const one = subject(name, await Source.inFolder(name));
    await this.#found(one);
    await this.#served(one);
    this.#guests.set(guest, one);
  }

  async #leave(guest: number): Promise<void> {
    const { objects, replicas, tokens } = this.#on;
    const one = this.#guests.get(guest)!;
    this.#guests.delete(guest);
    await objects.remove('Endpoint', one.name);
    await objects.remove('Dataset', one.name);
    await replicas.answer(pathTo(one.name), tokens.steady, ({ status }) => status === 404);
    await one.source.remove();
  }

  async #onKey(key: number, kind: 'mint' | 'rotate' | 'revoke' | 'forget'): Promise<void> {
    const { objects, replicas, tokens } = this.#on;
    const before = tokens.minted.get(key);
    tokens.minted.delete(key);
    const rotation = `q${this.#serial}`;
    const path = pathTo(steadyName(1));
    if (kind === 'mint' || kind === 'rotate') {
      await objects.apply('ApiKey', keyName(key), keySpec(key, rotation));
      await until(async () => (await objects.read('ApiKey', keyName(key))).status?.handledRotation === rotation);
      const token = (await objects.secret(`${keyName(key)}-token`))?.['token'] ?? '';
      await replicas.answer(path, token, ({ status }) => status === 200);
      tokens.minted.set(key, { token, stands: 'good' });
      return;
    }
    if (kind === 'revoke') await objects.apply('ApiKey', keyName(key), keySpec(key, rotation, 'Revoked'));
    else await objects.remove('ApiKey', keyName(key));
    await replicas.answer(path, before?.token ?? '', ({ status }) => status === 401);
    if (kind === 'revoke') tokens.minted.set(key, { token: before?.token ?? '', stands: 'refused' });
    // What a cluster's garbage collector does once the owner has gone.
    else await objects.removeSecret(`${keyName(key)}-token`);
  }

  async #applyDataset({ name, source, change }: Subject): Promise<void> {
    const { refresh } = change;
    const asked = refresh === undefined ? {} : { [annotations.refreshRequestedAt]: refresh };
    await this.#on.objects.apply('Dataset', name, datasetSpec(source.spec, change), asked);
  }

  async #applyEndpoint({ name, version }: Subject): Promise<void> {
    await this.#on.objects.apply('Endpoint', name, endpointSpec(endpointOf(name), name, version));
  }

  #hold({ name }: Subject): void {
    this.#on.promised.hold(endpointOf(name), performance.now());
  }

  #release({ name }: Subject): void {
    this.#on.promised.release(endpointOf(name), performance.now());
  }

  #allow({ name, newest, serves = newest, version }: Subject): void {
    this.#on.promised.also(endpointOf(name), `s${serves}`, version, performance.now());
  }

  /** Waits until all answer by it; from then on nothing else is right. */
  async #served({ name, newest, serves = newest, version }: Subject): Promise<void> {
    const { replicas, tokens, promised } = this.#on;
    await replicas.answer(
      pathTo(name),
      tokens.steady,
      ({ status, body: { meta } }, pod) =>
        (status === 503 && promised.isEmpty(endpointOf(name), replicas.emptySinceMs(pod), performance.now())) ||
        (meta?.snapshot_id === `s${serves}` && meta.version === version),
    );
    promised.only(endpointOf(name), `s${serves}`, version);
  }
}

const subject = (name: string, source: Source): Subject => ({
  name,
  source,
  newest: 0,
  published: 0,
  version: 1,
  change: {},
  serves: undefined,
});

const without = (change: DatasetChange, field: keyof DatasetChange): DatasetChange =>
  Object.fromEntries(Object.entries(change).filter(([name]) => name !== field));
