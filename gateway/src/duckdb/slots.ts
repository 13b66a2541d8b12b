/** A bounded number of slots with a short, bounded wait: nobody waits for longer than `waitMs`, and only so many wait at once. */
export type Slots = {
  /** True with a slot taken; false when none came free in time, too many wait already or the caller gave up. */
  take(waitMs: number, signal: AbortSignal): Promise<boolean>;
  give(): void;
  taken(): number;
};

/** `maxWaiting` callers may wait at once; the next is turned away without a wait. */
export const createSlots = (size: number, maxWaiting: number): Slots => {
  let taken = 0;
  const waiting: (() => void)[] = [];

  const wait = async (waitMs: number, signal: AbortSignal): Promise<boolean> =>
    new Promise((resolve) => {
      const end = (got: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        const at = waiting.indexOf(grant);
        if (at !== -1) waiting.splice(at, 1);
        resolve(got);
      };
      const grant = (): void => end(true);
      const giveUp = (): void => end(false);
      const timer = setTimeout(giveUp, waitMs);
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.push(grant);
    });

  return {
    take: async (waitMs, signal) => {
      if (signal.aborted) return false;
      if (taken < size) {
        taken += 1;
        return true;
      }
      if (waiting.length >= maxWaiting) return false;
      // A slot that is given while somebody waits is handed on without being counted free in between.
      return wait(waitMs, signal);
    },
    give: () => {
      const next = waiting.shift();
      if (next === undefined) taken -= 1;
      else next();
    },
    taken: () => taken,
  };
};
