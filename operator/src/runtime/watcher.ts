/**
 * Keeps a cache of one kind of object by list and watch. It never gives up: a closed watch goes on from the last version,
 * an expired one lists again, errors back off, and a full list every few minutes finds what a watch may have lost.
 */
import { retryDelayMs } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { sleep } from './clock.ts';
import type { Clock } from './clock.ts';
import { isNewer } from './resource-version.ts';
import type { Versioned } from './resource-version.ts';

export type WatchEvent<T extends Versioned> = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T };
/** Why a watch ended: the server closed it in good order, or the version it started from is no longer known. */
export type WatchEnd = 'closed' | 'expired';

export interface WatchSource<T extends Versioned> {
  list(signal: AbortSignal): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }>;
  /** Calls back for every event in order; resolves when the watch ends, rejects when it breaks. */
  watch(resourceVersion: string, onEvent: (event: WatchEvent<T>) => void, signal: AbortSignal): Promise<WatchEnd>;
}

export type WatcherObservation =
  | { readonly kind: 'listed'; readonly watcher: string; readonly objects: number; readonly found: number }
  | { readonly kind: 'watch_ended'; readonly watcher: string; readonly end: WatchEnd }
  | { readonly kind: 'watch_failed'; readonly watcher: string; readonly error: unknown; readonly retryInMs: number };

export type WatcherOptions<T extends Versioned> = {
  readonly name: string;
  readonly source: WatchSource<T>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly retry: Backoff;
  readonly relistMs: number;
  /** `next` as it is kept, given what is known: what both have in common need not be held twice. */
  readonly share?: (known: T, next: T) => T;
  /** Must only enqueue: it runs inside the watch. A change it throws on is not taken over, so the next list tells it again. */
  readonly changed: (name: string, before: T | undefined, after: T | undefined) => void;
  readonly observe: (observation: WatcherObservation) => void;
};

/** A watch that ends sooner than this counts as a failure, so that a server that closes at once is not hammered. */
const shortestWatchMs = 1000;

/** The cache of one kind; read by name, fed by the API server and by our own writes. */
export class Watcher<T extends Versioned> {
  readonly #options: WatcherOptions<T>;
  readonly #objects = new Map<string, T>();
  /** The version of each deletion since the last list: our own write before it may be answered after it. */
  readonly #deleted = new Map<string, string | undefined>();
  /** The version of the last list. What it does not show, and was written before it, is no more. */
  #listedVersion: string | undefined;
  readonly #stop = new AbortController();
  #resourceVersion: string | undefined;
  #failures = 0;
  #lastContactMs: number;
  #listedOnce = false;
  #announceSynced: () => void = () => undefined;
  readonly #synced = new Promise<void>((resolve) => {
    this.#announceSynced = resolve;
  });

  constructor(options: WatcherOptions<T>) {
    this.#options = options;
    this.#lastContactMs = options.clock.monotonicMs();
  }

  /** Resolves when the first list is in the cache. */
  get synced(): Promise<void> {
    return this.#synced;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Objects in the cache. */
  get size(): number {
    return this.#objects.size;
  }

  get isSynced(): boolean {
    return this.#listedOnce;
  }

  /** Time since the API server last said anything on this watch; bookmarks count. */
  get silentMs(): number {
    return this.#options.clock.monotonicMs() - this.#lastContactMs;
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  get(name: string): T | undefined {
    return this.#objects.get(name);
  }

  /** Puts an answer of the API server to one of our own writes into the cache, unless the watch has shown a newer one, or its end. */
  put(object: T): void {
    const { name, resourceVersion } = object.metadata;
    const seen = this.#objects.get(name)?.metadata.resourceVersion ?? this.#deleted.get(name) ?? this.#listedVersion;
    if (isNewer(resourceVersion, seen)) this.#keep(object);
  }

  /** Lists and watches until stopped. */
  async run(): Promise<void> {
    const { clock, observe, name, random } = this.#options;
    const signal = this.#stop.signal;
    let listDueMs = 0;
    while (!this.#stopped()) {
      const startedMs = clock.monotonicMs();
      try {
        if (this.#resourceVersion === undefined || startedMs >= listDueMs) {
          await this.#relist(signal);
          listDueMs = startedMs + this.#options.relistMs * (0.9 + 0.2 * random());
        }
        const end = await this.#watch(signal);
        observe({ kind: 'watch_ended', watcher: name, end });
        if (end === 'expired') this.#resourceVersion = undefined;
        if (clock.monotonicMs() - startedMs >= shortestWatchMs) this.#failures = 0;
        else await sleep(clock, this.#delayMs(undefined), signal);
      } catch (error) {
        if (this.#stopped()) return;
        const retryInMs = this.#delayMs(error);
        observe({ kind: 'watch_failed', watcher: name, error, retryInMs });
        await sleep(clock, retryInMs, signal);
      }
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  #delayMs(error: unknown): number {
    const { random, retry } = this.#options;
    this.#failures += 1;
    return retryDelayMs(retry, this.#failures, random(), error);
  }

  async #watch(signal: AbortSignal): Promise<WatchEnd> {
    return this.#options.source.watch(
      this.#resourceVersion ?? '',
      (event) => {
        this.#lastContactMs = this.#options.clock.monotonicMs();
        if (event.type !== 'BOOKMARK') this.#take(event);
        this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
      },
      signal,
    );
  }

  #take(event: WatchEvent<T>): void {
    const { name, resourceVersion } = event.object.metadata;
    const known = this.#objects.get(name);
    if (known !== undefined && !isNewer(resourceVersion, known.metadata.resourceVersion)) return;
    const after = event.type === 'DELETED' ? undefined : event.object;
    this.#tell(name, known, after);
    if (after === undefined) {
      this.#objects.delete(name);
      this.#deleted.set(name, resourceVersion);
    } else this.#keep(after);
  }

  /** A change that could not be told is found again by a full list: the cache has not taken it over. */
  #tell(name: string, before: T | undefined, after: T | undefined): void {
    try {
      this.#options.changed(name, before, after);
    } catch (error) {
      this.#resourceVersion = undefined;
      throw error;
    }
  }

  #keep(object: T): void {
    const { name } = object.metadata;
    const known = this.#objects.get(name);
    this.#deleted.delete(name);
    this.#objects.set(name, known === undefined ? object : (this.#options.share?.(known, object) ?? object));
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const { items, resourceVersion } = await this.#options.source.list(signal);
    this.#lastContactMs = this.#options.clock.monotonicMs();
    const listed = new Set(items.map((item) => item.metadata.name));
    const changed: { readonly before: T | undefined; readonly after: T | undefined }[] = [];
    for (const item of items) {
      const known = this.#objects.get(item.metadata.name);
      if (known !== undefined && !isNewer(item.metadata.resourceVersion, known.metadata.resourceVersion)) continue;
      changed.push({ before: known, after: item });
    }
    for (const known of this.#objects.values()) {
      // Something we put after the list was taken is newer than the list and stays.
      if (listed.has(known.metadata.name) || isNewer(known.metadata.resourceVersion, resourceVersion)) continue;
      changed.push({ before: known, after: undefined });
    }
    for (const { before, after } of changed) {
      const { name } = ((after ?? before) as T).metadata;
      this.#tell(name, before, after);
      if (after === undefined) this.#objects.delete(name);
      else this.#keep(after);
    }
    const watched = this.#resourceVersion;
    // A version that is newer than what the watch has come to would have been its next event. Of a deletion no list says when.
    const lost = changed.filter(({ after }) => after === undefined || !isNewer(after.metadata.resourceVersion, watched));
    this.#resourceVersion = resourceVersion;
    this.#listedVersion = resourceVersion;
    this.#deleted.clear();
    this.#options.observe({
      kind: 'listed',
      watcher: this.#options.name,
      objects: items.length,
      found: this.#listedOnce ? (watched === undefined ? changed : lost).length : 0,
    });
    this.#listedOnce = true;
    this.#announceSynced();
  }
}
