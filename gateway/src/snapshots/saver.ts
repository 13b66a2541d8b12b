/** Writes what changes all the time to one place, one write after another. */

/**
 * A function that resolves when what was true at its call has been written. Calls until a write begins are one write; one during
 * a write is the next, so that it is neither lost nor answered by a write that began before it, nor by the failure of one.
 */
export const createSaver = (write: () => Promise<void>): (() => Promise<void>) => {
  let last: Promise<void> = Promise.resolve();
  /** The write that is still to begin. */
  let next: Promise<void> | null = null;
  const begin = async (): Promise<void> => {
    next = null;
    return write();
  };
  return async () => {
    next ??= last = last.catch(() => undefined).then(begin);
    return next;
  };
};
