/** Whose an incident most likely is. */
import type { IncidentClass } from './bundle.ts';
import type { Owner } from './problem.ts';

/**
 * By class, for whoever names one: gateways, `kubectl offloader triage`, the alerts and the runbooks. A refresh that failed is its
 * code's, and a case may show more than its class (a DuckDB failure whose volume has gone).
 */
export const likelyOwner = {
  gateway_does_not_start: 'Environment',
  source_unreachable: 'Environment',
  refresh_rejected: 'UpstreamData',
  dataset_stale: 'UpstreamData',
  duckdb_failure: 'Offloader',
  cache_disk_low: 'Environment',
  pool_busy: 'Offloader',
  auth_misconfiguration: 'Environment',
  replica_behind: 'Environment',
  // Whoever edits the configuration can mend it.
  config_rejected: 'Environment',
  operator_down: 'Environment',
} as const satisfies Record<Exclude<IncidentClass, 'refresh_failed'>, Owner>;
