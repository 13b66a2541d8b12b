/** Answered pages by what they answer: bounded in entries and bytes, and one query for identical questions in flight. */
import { LRUCache } from 'lru-cache';

export type Page = { readonly data: Buffer; readonly rowCount: number; readonly hasMore: boolean };
/** A page, or the knowledge that it is longer than is worth keeping. */
export type Held = Page | 'too_long';
export type ResponseCache = {
  /** What is at hand, or undefined. */
  get(key: string): Held | undefined;
  /**
   * Runs `query` once for all callers that ask for this key meanwhile, and keeps what succeeds. The query's signal aborts when
   * every caller has gone.
   */
  share<T extends { readonly page: Held | null }>(key: string, signal: AbortSignal, query: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Drops a dataset's entries, or all. */
  drop(dataset: string | null): void;
  stats(): { entries: number; bytes: number };
};

type Flight = { readonly answer: Promise<unknown>; readonly abort: AbortController; callers: number };

/** Keys begin with the dataset's name and a blank. Bytes are those of the bodies and keys. */
export const createResponseCache = (maxEntries: number, maxBytes: number): ResponseCache => {
  const pages = new LRUCache<string, Held>({
    max: maxEntries,
    maxSize: maxBytes,
    sizeCalculation: (held, key) => (held === 'too_long' ? 0 : held.data.length) + key.length,
  });
  const flights = new Map<string, Flight>();

  const takeOff = <T extends { readonly page: Held | null }>(key: string, query: (signal: AbortSignal) => Promise<T>): Flight => {
    const abort = new AbortController();
    const answer = query(abort.signal).then((result) => {
      if (result.page !== null) pages.set(key, result.page);
      return result;
    });
    const flight: Flight = { answer, abort, callers: 0 };
    flights.set(key, flight);
    const land = (): void => void (flights.get(key) === flight && flights.delete(key));
    answer.then(land, land);
    return flight;
  };

  return {
    get: (key) => pages.get(key),
    share: async <T extends { readonly page: Held | null }>(
      key: string,
      signal: AbortSignal,
      query: (signal: AbortSignal) => Promise<T>,
    ): Promise<T> => {
      const held = flights.get(key);
      const flight = held === undefined || held.abort.signal.aborted ? takeOff(key, query) : held;
      flight.callers += 1;
      const leave = (): void => {
        flight.callers -= 1;
        if (flight.callers === 0) flight.abort.abort();
      };
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
      try {
        return (await flight.answer) as T;
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    drop: (dataset) => {
      if (dataset === null) return pages.clear();
      for (const key of [...pages.keys()]) if (key.startsWith(`${dataset} `)) pages.delete(key);
    },
    stats: () => ({ entries: pages.size, bytes: pages.calculatedSize }),
  };
};
