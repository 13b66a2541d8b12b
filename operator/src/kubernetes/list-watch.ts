/**
 * Lists and watches one resource type. Lists come in pages; a watch asks for bookmarks, ends on the server's side after half a
 * minute and is broken off when it is silent for longer than that: a dead connection is noticed, a quiet one is not lost.
 */
import { fieldManager } from '@offloader/contract';
import type { KubeObject, Metadata } from '../domain/kube-object.ts';
import type { WatchEnd, WatchEvent, WatchSource } from '../runtime/watcher.ts';
import { ApiError, isStatus } from './api-error.ts';
import type { ApiClient } from './client.ts';
import { apiVersionOf, pathOf } from './resource-type.ts';
import type { ResourceType } from './resource-type.ts';

export type ListWatchOptions = {
  readonly client: ApiClient;
  readonly type: ResourceType;
  readonly namespace: string;
  readonly labelSelector?: string;
  readonly watchSeconds?: number;
};

const pageSize = '500';
/** A page of large objects from a server under load takes its time; given up too soon it would be asked for again, for ever. */
const pageTimeoutMs = 60_000;
/** How long the server keeps a watch open. It sends a bookmark just before it ends one. */
const defaultWatchSeconds = 30;
/** Well beyond the server's own limit, 38 s by default: silence until then means that the connection is dead. */
const deadAfterMs = (watchSeconds: number): number => 1250 * watchSeconds + 500;

/** A WatchSource over the API server. */
export const listWatch = <T extends KubeObject>(options: ListWatchOptions): WatchSource<T> => {
  const path = pathOf(options.type, options.namespace);
  const selector: Readonly<Record<string, string>> = options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector };
  const watchSeconds = options.watchSeconds ?? defaultWatchSeconds;
  return {
    list: async (signal) => {
      const items: T[] = [];
      let token = '';
      for (;;) {
        const query = { ...selector, limit: pageSize, ...(token === '' ? {} : { continue: token }) };
        const page = parseList<T>(await options.client.request({ method: 'GET', path, query, signal, timeoutMs: pageTimeoutMs }));
        // Items of a list leave out what the list says for all of them.
        for (const item of page.items) items.push({ ...item, apiVersion: apiVersionOf(options.type), kind: options.type.kind });
        token = page.continue;
        if (token === '') return { items, resourceVersion: page.resourceVersion };
      }
    },
    watch: async (resourceVersion, onEvent, signal) => {
      const query = { ...selector, watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(watchSeconds), resourceVersion };
      const watch = new AbortController();
      const stop = (): void => {
        watch.abort();
      };
      signal.addEventListener('abort', stop, { once: true });
      const state: { failure: ApiError | undefined } = { failure: undefined };
      const onLine = (line: string): void => {
        const event = parseEvent<T>(line);
        if (event instanceof ApiError) {
          state.failure = event;
          watch.abort();
        } else onEvent(event);
      };
      try {
        await options.client.stream({ path, query, onLine, inactivityMs: deadAfterMs(watchSeconds), signal: watch.signal });
      } catch (error) {
        return endOf(state.failure ?? error);
      } finally {
        signal.removeEventListener('abort', stop);
      }
      return state.failure === undefined ? 'closed' : endOf(state.failure);
    },
  };
};

const endOf = (error: unknown): WatchEnd => {
  if (isStatus(error, 410)) return 'expired';
  throw error;
};

type Page<T> = { readonly items: readonly T[]; readonly resourceVersion: string; readonly continue: string };

const parseList = <T extends KubeObject>(raw: unknown): Page<T> => {
  const list = raw as { items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string } };
  return {
    items: (list.items ?? []).map(trimmed),
    resourceVersion: list.metadata?.resourceVersion ?? '',
    continue: list.metadata?.continue ?? '',
  };
};

const parseEvent = <T extends KubeObject>(line: string): WatchEvent<T> | ApiError => {
  const event = JSON.parse(line) as { type: string; object: T & { code?: number; reason?: string; message?: string } };
  if (event.type === 'ERROR') {
    return new ApiError(event.object.code ?? 500, event.object.reason ?? 'Unknown', event.object.message ?? 'the watch failed', undefined);
  }
  return { type: event.type as WatchEvent<T>['type'], object: trimmed(event.object) };
};

type ManagedFields = { readonly manager?: string; readonly time?: string };

/** Written by client-side apply: the whole object once more. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Without what doubles an object's size in the cache: what kubectl last applied, and managedFields, of which one name stays. */
export const trimmed = <T extends KubeObject>(object: T): T => {
  const metadata: Record<string, unknown> = { ...object.metadata };
  delete metadata['managedFields'];
  if (object.metadata.annotations?.[lastApplied] !== undefined) {
    metadata['annotations'] = Object.fromEntries(Object.entries(object.metadata.annotations).filter(([name]) => name !== lastApplied));
  }
  const changedBy = foreignManager(object.metadata);
  return { ...object, metadata, ...(changedBy === undefined ? {} : { changedBy }) };
};

/** The newest manager that is not the operator; times have the form in which text order is time order. */
const foreignManager = (metadata: Metadata & { readonly managedFields?: readonly ManagedFields[] }): string | undefined =>
  (metadata.managedFields ?? [])
    .filter(({ manager }) => manager !== undefined && manager !== fieldManager)
    .toSorted((a, b) => (a.time ?? '').localeCompare(b.time ?? ''))
    .at(-1)?.manager;
