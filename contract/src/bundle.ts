/**
 * The Bundle is what the compiler makes of the three kinds and what a gateway serves from: names resolved, defaults
 * filled in, nothing left to judge. The operator hands it over as mounted parts; standalone compiles it in the process.
 */
import type { Owner } from './problem.ts';

export type ColumnType = 'DATE' | 'TIMESTAMP' | 'VARCHAR' | 'INTEGER' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'JSON';
export type Column = { readonly name: string; readonly type: ColumnType };
export type ServingMode = 'LocalTable' | 'RemoteScan';

export type CompiledSource = {
  readonly kind: 'manifest' | 'databricks';
  readonly url: string;
  /** Name of the credentials, a key of Credentials; null: the SDK's own chain. */
  readonly credentials: string | null;
  readonly s3: { readonly region: string | null; readonly endpoint: string | null; readonly forcePathStyle: boolean };
  readonly allowedRoots: readonly string[];
  readonly anonymous: boolean;
  readonly intervalMs: number;
};

export type CompiledDataset = {
  readonly name: string;
  /** sha256 over what decides how data is loaded (schema, tenant column, modes): another value means a blue-green cutover. */
  readonly layout: string;
  readonly source: CompiledSource;
  readonly schema: readonly Column[];
  readonly tenantColumn: string | null;
  readonly snapshot: {
    readonly pin: string | null;
    readonly blocked: readonly string[];
    readonly keep: number;
    readonly activation: 'Coordinated' | 'Immediate';
    /** With Coordinated: the snapshot id that the operator has released for all replicas; null until then. */
    readonly release: string | null;
  };
  readonly guards: {
    readonly minRows: number | null;
    readonly maxRowDropPercent: number | null;
    readonly allowOlderWatermark: boolean;
    readonly allowFailedQuality: boolean;
  };
  /** One-shot tokens: the gateway acts once for each value and remembers it on its volume. */
  readonly rebuildToken: string | null;
  readonly refreshToken: string | null;
  readonly suspend: boolean;
  /** The modes its endpoints use; [] loads the local table. */
  readonly modes: readonly ServingMode[];
  /** The tightest freshness of its endpoints. */
  readonly maxStalenessMs: number | null;
  /** Columns that endpoints filter by, most used first: a hint for the physical layout (the tenant column comes before them). */
  readonly filterColumns: readonly string[];
};

export type ParamType = 'string' | 'integer' | 'number' | 'boolean' | 'date' | 'timestamp' | 'enum';
export type ParamValue = string | number | boolean;
export type CompiledParam = {
  readonly name: string;
  readonly type: ParamType;
  readonly list: boolean;
  readonly required: boolean;
  readonly description: string | null;
  /** As written in the resource, already checked against the type; integers beyond 2^53 as decimal strings. */
  readonly default: ParamValue | readonly ParamValue[] | null;
  readonly enum: readonly string[] | null;
  readonly aliases: Readonly<Record<string, string>>;
  readonly min: number | null;
  readonly max: number | null;
  readonly minLength: number | null;
  readonly maxLength: number | null;
  readonly pattern: string | null;
};

export type Aggregate = 'sum' | 'avg' | 'min' | 'max' | 'count' | 'count_distinct';
export type FilterOp = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'in' | 'like_prefix' | 'is_null';
export type Select = { readonly as: string; readonly column: string; readonly agg: Aggregate | null; readonly type: ColumnType };
export type Filter = { readonly column: string; readonly op: FilterOp; readonly param: string; readonly type: ColumnType };
export type Order = { readonly column: string; readonly dir: 'asc' | 'desc' };

export type CompiledEndpoint = {
  /** metadata.name of the Endpoint. */
  readonly object: string;
  /** The name in the URL. */
  readonly name: string;
  readonly version: number;
  readonly owner: string | null;
  readonly description: string | null;
  readonly dataset: string;
  /** The dataset's layout that this endpoint was compiled against; served only from a snapshot of the same layout. */
  readonly layout: string;
  readonly servingMode: ServingMode;
  /** The tenant column when tenant-scoped, else null. */
  readonly tenantColumn: string | null;
  readonly maxStalenessMs: number | null;
  readonly params: readonly CompiledParam[];
  /** null: any subset of the declared parameters. */
  readonly combinations: readonly (readonly string[])[] | null;
  readonly select: readonly Select[];
  readonly filters: readonly Filter[];
  /** Underlying columns grouped by; null: no grouping (plain rows, or a grand total when any select has an agg). */
  readonly groupBy: readonly string[] | null;
  readonly orderBy: readonly Order[];
  /** What may be answered, in the select's order. */
  readonly columns: readonly string[];
  readonly pagination: { readonly defaultLimit: number; readonly maxLimit: number };
  readonly cache: 'Snapshot' | 'None';
  readonly deprecation: { readonly since: string | null; readonly sunset: string | null; readonly successor: string | null } | null;
  /** sha256 over the whole compiled endpoint: binds ETags and cursors to this definition. */
  readonly digest: string;
};

export type CompiledKey = {
  /** metadata.name of the ApiKey; what logs call the key. */
  readonly id: string;
  readonly tenant: string | null;
  /** Endpoint names, or ['*']. */
  readonly endpoints: readonly string[];
  readonly state: 'Active' | 'Revoked';
  /** RFC 3339, or null. */
  readonly expiresAt: string | null;
  /** SHA-256 hex of every token that works, each with the moment it stops working (rotation overlap), or null. */
  readonly hashes: readonly { readonly sha256: string; readonly notAfter: string | null }[];
  readonly limits: {
    readonly requestsPerSecond: number | null;
    readonly burst: number | null;
    readonly requestsPerDay: number | null;
  };
};

export type AuthMode = 'required' | 'none';

/** Everything one gateway serves from. `revision` is the sha256 of the content (see bundle-codec). */
export type Bundle = {
  readonly revision: string;
  readonly auth: AuthMode;
  readonly datasets: readonly CompiledDataset[];
  readonly endpoints: readonly CompiledEndpoint[];
  readonly keys: readonly CompiledKey[];
};

/** Source credentials by name; values are secret and live only in a Secret and in memory. */
export type SourceCredentials = Readonly<
  Partial<Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'serviceAccountJson' | 'hmacAccessId' | 'hmacSecret', string>>
>;
export type Credentials = Readonly<Record<string, SourceCredentials>>;

/** The index, written last. A gateway applies a revision only when every part named here has these bytes. */
export type BundleIndex = {
  readonly format: 1;
  readonly revision: string;
  /** Grows by one with every write: an object is live on a pod when the pod's sequence has reached the one it went in with. */
  readonly sequence: number;
  readonly auth: AuthMode;
  readonly parts: readonly { readonly file: string; readonly sha256: string; readonly bytes: number }[];
};

/** What a gateway's configuration source yields. sequence is 0 in standalone mode. */
export type LoadedConfig = { readonly bundle: Bundle; readonly credentials: Credentials; readonly sequence: number };

export type IncidentClass =
  | 'gateway_does_not_start'
  | 'source_unreachable'
  | 'refresh_rejected'
  | 'refresh_failed'
  | 'dataset_stale'
  | 'duckdb_failure'
  | 'cache_disk_low'
  | 'pool_busy'
  | 'auth_misconfiguration'
  | 'replica_behind'
  | 'config_rejected'
  | 'operator_down';
export type Incident = {
  readonly class: IncidentClass;
  readonly dataset?: string;
  readonly endpoint?: string;
  readonly owner: Owner;
  readonly since: string | null;
  readonly evidence: readonly string[];
  readonly action: string;
  readonly runbook: string;
  readonly escalate: string;
};
