import { expect, test } from '@jest/globals';
import { ownerOf } from './owner.ts';

test.each([
  ['incompatible_schema', 'UpstreamData'],
  ['corrupt_file', 'UpstreamData'],
  ['guard_min_rows', 'UpstreamData'],
  ['missing_file', 'UpstreamData'],
  ['source_credentials_missing', 'Environment'],
  ['source_credentials_rejected', 'Environment'],
  ['source_bucket_missing', 'Environment'],
  ['source_unreachable', 'Environment'],
  ['disk_full', 'Environment'],
  ['cache_unusable', 'Environment'],
  ['out_of_memory', 'Environment'],
  ['load_failed', 'Offloader'],
] as const)('%s is first of all a matter for %s', (code, owner) => expect(ownerOf(code)).toBe(owner));
