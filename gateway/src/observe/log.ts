/** Observations as JSON log lines. Answers, keys' tokens and parameter values never stand in an observation. */
import { createLogger, format, transports } from 'winston';
import type { Observation } from '../domain/observation.ts';
import type { Settings } from '../domain/settings.ts';

type Level = Settings['logLevel'];

const levels: Readonly<Record<Observation['kind'], Level>> = {
  booted: 'info',
  config_applied: 'info',
  config_rejected: 'error',
  config_fallback: 'warn',
  refresh_ended: 'info',
  load_ended: 'info',
  snapshot_swapped: 'info',
  snapshot_quarantined: 'error',
  quarantine_removed: 'info',
  orphan_collected: 'info',
  cache_volume_changed: 'error',
  cache_volume_renewed: 'error',
  engine_failed: 'error',
  engine_replaced: 'warn',
  request_ended: 'info',
  auth_failed: 'debug',
  rate_limited: 'debug',
  draining: 'info',
  crashed: 'error',
};

const levelOf = (observation: Observation): Level => {
  if (observation.kind === 'refresh_ended' && observation.status === 'unchanged') return 'debug';
  if (observation.kind === 'refresh_ended' && observation.status !== 'ok') return 'warn';
  if (observation.kind === 'cache_volume_changed' && observation.status === 'ok') return 'info';
  return levels[observation.kind];
};

const sentence = (observation: Observation): string =>
  observation.kind === 'booted'
    ? `API on port ${observation.apiPort}, admin on port ${observation.adminPort}`
    : observation.kind.replaceAll('_', ' ');

/** One line per observation on stdout. */
export const createLog = (level: Level): ((observation: Observation) => void) => {
  const logger = createLogger({
    level,
    format: format.combine(format.timestamp(), format.json()),
    transports: [new transports.Console({ stderrLevels: ['error'] })],
  });
  return (observation) => void logger.log({ level: levelOf(observation), message: sentence(observation), ...observation });
};
