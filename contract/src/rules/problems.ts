/** Building Problems in one spelling. */
import type { Problem, ProblemCode } from '../problem.ts';

export const problem = (code: ProblemCode, path: string, message: string, hint?: string): Problem =>
  hint === undefined ? { code, path, message } : { code, path, message, hint };

/** The index of each name that stood in the list before. */
export const repeats = (names: readonly string[]): readonly number[] => names.flatMap((name, at) => (names.indexOf(name) < at ? [at] : []));
