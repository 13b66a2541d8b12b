/** Durations as resources write them: one or more of 500ms, 30s, 5m, 26h, 7d, joined. */
import { durationPattern } from './names.ts';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds, or undefined when the text is not a duration. */
export const parseDurationMs = (text: string): number | undefined => {
  if (!new RegExp(durationPattern).test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)(ms|s|m|h|d)/g)) total += Number(amount) * unitMs[unit as keyof typeof unitMs];
  return Number.isSafeInteger(total) ? total : undefined;
};
