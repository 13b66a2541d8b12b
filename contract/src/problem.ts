/** A Problem is one thing wrong with an input: where it is, a stable code, what to do about it. */

/** The codes of findings in resources, manifests and snapshots. Codes are contract: never renamed, never reused. */
export const problemCodes = [
  'unknown_field',
  'missing',
  'invalid_type',
  'invalid_value',
  'unsafe_identifier',
  'unsupported_type',
  'duplicate_column',
  'duplicate_param',
  'duplicate_dataset',
  'duplicate_endpoint',
  'duplicate_key',
  'unknown_column',
  'unknown_param',
  'unknown_dataset',
  'unknown_endpoint',
  'conflicting_origin',
  'tenant_mismatch',
  'tenant_forbidden',
  'tenant_filter_forbidden',
  'public_tenant_endpoint',
  'invalid_default',
  'missing_group_by',
  'ungrouped_column',
  'invalid_agg_on_json',
  'column_not_selected',
  'column_not_allowlisted',
  'incomparable_param',
  // all objects together
  'configuration_full',
  // manifests
  'missing_file',
  'invalid_json',
  'invalid_yaml',
  'invalid_snapshot_id',
  'invalid_timestamp',
  'invalid_compatibility_policy',
  'schema_data_mismatch',
  'incompatible_schema',
  'dataset_mismatch',
  'root_not_allowed',
  // snapshots
  'row_count_mismatch',
  'size_mismatch',
  'file_changed',
  'quality_failed',
  'guard_min_rows',
  'guard_row_drop',
  'guard_older_watermark',
  'value_does_not_fit',
  'snapshot_blocked',
  'pin_unavailable',
  'nothing_committed',
  // sources and loads
  'source_credentials_missing',
  'source_credentials_rejected',
  'source_bucket_missing',
  'source_unreachable',
  'source_failed',
  'corrupt_file',
  'load_failed',
  'disk_full',
  'cache_unusable',
  'out_of_memory',
] as const;
export type ProblemCode = (typeof problemCodes)[number];

/** Who can most likely mend it. */
export type Owner = 'UpstreamData' | 'Environment' | 'Offloader';

/** One finding. `path` is a field path such as `spec.params[0].type`, `files[1].path`; '' for the whole input. */
export type Problem = {
  readonly code: ProblemCode;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
};

/** A finding together with the object (`Endpoint/account-daily`) and, when it came from one, the file it stands in. */
export type Finding = Problem & { readonly object?: string; readonly file?: string };
