/** Every reason that a Ready condition can have: a closed list, so that it can be a label of a metric. */
import { problemCodes } from '@offloader/contract';
import type { ProblemCode } from '@offloader/contract';

const own = [
  'Live',
  'Suspended',
  'QualityWarning',
  'Revoked',
  'Expired',
  'Compiling',
  'NoGateways',
  'RollingOut',
  'GatewayUnreachable',
  'Loading',
  'NothingToLoad',
  'DatasetNotReady',
  'CutoverPending',
  'RollingBack',
  'RollbackRefused',
  'TokenSecretMissing',
  'TokenSecretDamaged',
  'TokenSecretConflict',
  'TokenSecretRefused',
  'TokenSecretTaken',
] as const;

type Pascal<Code extends string> = Code extends `${infer Word}_${infer Rest}` ? `${Capitalize<Word>}${Pascal<Rest>}` : Capitalize<Code>;

/** One of our own, or the code of what was found or of a refresh that failed. */
export type Reason = (typeof own)[number] | Pascal<ProblemCode>;

/** `unknown_dataset` as a condition reason: `UnknownDataset`. */
export const pascal = <Code extends string>(code: Code): Pascal<Code> =>
  code
    .split('_')
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('') as Pascal<Code>;

const reasons: ReadonlySet<string> = new Set<Reason>([...own, ...problemCodes.map((code) => pascal(code))]);

/** The reason, or `Other` for one that an operator of another version, or somebody else, wrote. */
export const knownReason = (reason: string): string => (reasons.has(reason) ? reason : 'Other');
