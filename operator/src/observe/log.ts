/** Log lines from observations: JSON, one per line, no secret in any. */
import winston from 'winston';
import type { Observation, Observe } from '../domain/observation.ts';

type Level = 'error' | 'warn' | 'info' | 'debug';

/** What is worth which level; what is not here is told at debug. */
const levels: Partial<Record<Observation['kind'], Level>> = {
  started: 'info',
  elected: 'info',
  stopped: 'info',
  restored: 'info',
  nothing_restored: 'info',
  bundle_written: 'info',
  token_written: 'info',
  snapshot_released: 'info',
  pod_reachable: 'info',
  volume_quarantine: 'warn',
  drift_corrected: 'warn',
  credentials_missing: 'warn',
  event_lost: 'warn',
  pod_unreachable: 'warn',
  watch_failed: 'warn',
  election_failed: 'warn',
  leadership_lost: 'error',
};

/** An Observe that writes to standard output. */
export const createLog = (level: string): Observe => {
  const logger = winston.createLogger({
    level,
    format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
    transports: [new winston.transports.Console()],
  });
  return (observation) => {
    const { kind, ...fields } = observation;
    const failed = 'error' in fields && fields.error !== undefined;
    const chosen = kind === 'reconciled' ? (failed ? 'warn' : 'debug') : (levels[kind] ?? 'debug');
    logger.log(chosen, kind, failed ? { ...fields, error: describe(fields.error) } : fields);
  };
};

/** An error as text; a bug comes with its stack, a refusal of the API server without. */
const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const expected = error.name === 'ApiError' || 'code' in error;
  return expected ? error.message : (error.stack ?? error.message);
};
