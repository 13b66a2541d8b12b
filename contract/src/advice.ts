/** What to do about a problem whose finder knew nothing more particular. */
import type { Problem, ProblemCode } from './problem.ts';

const advice: { readonly [code in ProblemCode]?: string } = {
  duplicate_column: 'give every column a name of its own; case makes no difference',
  unknown_column: 'name a column of schema, or leave it out',
  unsupported_type: 'cast what has no counterpart among them to VARCHAR or JSON',
  missing_file: 'write the files first and the manifest that names them last, where the gateway may read them',
  schema_data_mismatch: 'write the columns and types that schema declares, or declare what was written',
  incompatible_schema: 'publish the columns that the Dataset declares, or change the Dataset first',
  dataset_mismatch: 'correct dataset_id, or publish where the Dataset of that name reads',
  root_not_allowed: "keep the files below the manifest's folder, or add their root to source.allowedRoots",
  row_count_mismatch: 'count the rows of the files as they were written, and publish under a new snapshot_id',
  size_mismatch: 'state the sizes of the files as they were written; give new data new file names',
  file_changed: 'give the files of every snapshot names of their own, and write the manifest last',
  value_does_not_fit: 'correct the values, or declare a type that has room for them in schema and Dataset',
  corrupt_file: 'write the file anew and publish it under a new snapshot_id',
  snapshot_blocked: 'take the id out of snapshot.blocked, or publish another snapshot',
  pin_unavailable: 'pin a snapshot that is kept or still at the source, or remove snapshot.pin',
  source_credentials_missing: 'set source.credentialsSecretRef, give the pod a role, or set anonymous: true',
  source_credentials_rejected: 'check the Secret and what it is allowed to read',
  source_bucket_missing: 'check the URL, source.s3.region and source.s3.endpoint',
  source_unreachable: 'check the endpoint, DNS and network policies',
  source_failed: "look at the store's own state and log; the gateway asks again by itself",
  load_failed: "the gateway tries again by itself; if it stays, hand on its log and the dataset's entry of /diagnostics",
  disk_full: 'grow the cache volume or keep fewer snapshots',
  cache_unusable: 'look at the volume and the node below it; replace the volume if it does not come back',
  out_of_memory: "raise the pod's memory limit, or publish smaller files",
};
const otherwise = 'correct it and publish the manifest again';

/** The problem with a hint: its own, or what usually helps. */
export const advised = <P extends Problem>(problem: P): P & { readonly hint: string } => ({
  ...problem,
  hint: problem.hint ?? advice[problem.code] ?? otherwise,
});
