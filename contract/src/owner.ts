/** Who can most likely mend a problem. */
import type { Owner, ProblemCode } from './problem.ts';

const environment: readonly ProblemCode[] = [
  'source_credentials_missing',
  'source_credentials_rejected',
  'source_bucket_missing',
  'source_unreachable',
  'source_failed',
  'disk_full',
  'cache_unusable',
  'out_of_memory',
  'snapshot_blocked',
  'pin_unavailable',
];

/** The first guess of an incident: upstream data unless the code says that it is the place we run in, or ourselves. */
export const ownerOf = (code: ProblemCode): Owner =>
  code === 'load_failed' ? 'Offloader' : environment.includes(code) ? 'Environment' : 'UpstreamData';
