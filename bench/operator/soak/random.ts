/** Numbers that look random and are the same for the same seed (mulberry32). */
export type Random = () => number;

export const seeded = (seed: number): Random => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
};

/** One of them, each as often as its weight says. */
export const weighted = <T extends { readonly weight: number }>(choices: readonly T[], random: Random): T => {
  let rest = random() * choices.reduce((sum, { weight }) => sum + weight, 0);
  const found = choices.find(({ weight }) => (rest -= weight) < 0) ?? choices.at(-1);
  if (found === undefined) throw new Error('nothing to choose from');
  return found;
};
