/** Waiting for a condition instead of for a time. */

export const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export type Patience = { readonly withinMs?: number; readonly everyMs?: number };

/** Polls until the condition holds; gives up loudly, with what was seen last. The limit bounds a hang on a slow machine, unless it is promised. */
export const until = async <T>(
  what: string,
  look: () => Promise<T>,
  holds: (seen: T) => boolean,
  { withinMs = 120_000, everyMs = 100 }: Patience = {},
): Promise<T> => {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what}; last seen: ${JSON.stringify(seen)}`);
    await pause(everyMs);
  }
};
