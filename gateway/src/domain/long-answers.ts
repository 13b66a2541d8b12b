/** How many long answers may go out at once: each holds a connection for as long as its reader takes. */

/** A quarter of the pool, and one connection at least, is left to short answers where there are two or more. */
export const longAnswersOf = (poolSize: number, asked: number | null): number =>
  Math.min(poolSize, asked ?? Math.max(1, poolSize - Math.max(1, Math.floor(poolSize / 4))));
