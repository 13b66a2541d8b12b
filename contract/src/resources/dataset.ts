/** Dataset: where snapshots come from, what they must look like, which of them may serve. */
import { type Static, Type } from '@sinclair/typebox';
import { identifierPattern } from '../names.ts';
import { DatasetStatusShape } from './status.ts';
import {
  cel,
  eachOnce,
  ColumnName,
  ColumnShape,
  Duration,
  ObjectMetaShape,
  ObjectName,
  OneOf,
  secondOrMorePattern,
  SnapshotIdText,
  Text,
  Token,
} from './shapes.ts';

const Url = (pattern: string) => Type.String({ pattern, maxLength: 2048 });
const S3 = Type.Object({
  region: Type.Optional(Text(64)),
  endpoint: Type.Optional(Url('^https?://')),
  forcePathStyle: Type.Optional(Type.Boolean({ default: false })),
});

const Source = Type.Object(
  {
    manifest: Type.Optional(Type.Object({ url: Url('^(s3|gs|https|file)://.+') })),
    databricks: Type.Optional(Type.Object({ url: Url('^(s3|gs)://.+') })),
    credentialsSecretRef: Type.Optional(Type.Object({ name: ObjectName })),
    s3: Type.Optional(S3),
    allowedRoots: Type.Optional(Type.Array(Url('^(s3|gs|https|file)://.+'), { maxItems: 16 })),
    anonymous: Type.Optional(Type.Boolean({ default: false })),
    interval: Type.Optional(Type.Unsafe<string>({ ...Duration, default: '5m' })),
  },
  {
    'x-kubernetes-validations': [
      cel('has(self.manifest) != has(self.databricks)', 'set exactly one of source.manifest and source.databricks'),
      cel(
        '!(has(self.credentialsSecretRef) && has(self.anonymous) && self.anonymous)',
        'anonymous: true sends no credentials; remove source.credentialsSecretRef or set anonymous to false',
      ),
      cel(`self.interval.matches('${secondOrMorePattern}')`, 'interval is under 1s; raise it, a source is asked at most once a second'),
    ],
  },
);

const Snapshot = Type.Object(
  {
    pin: Type.Optional(SnapshotIdText),
    blocked: Type.Optional(Type.Array(SnapshotIdText, { maxItems: 100, 'x-kubernetes-list-type': 'set' })),
    keep: Type.Optional(Type.Integer({ minimum: 0, maximum: 20, default: 1 })),
    activation: Type.Optional(Type.Unsafe<'Coordinated' | 'Immediate'>({ ...OneOf(['Coordinated', 'Immediate']), default: 'Coordinated' })),
  },
  {
    'x-kubernetes-validations': [
      cel(
        '!has(self.pin) || !has(self.blocked) || !(self.pin in self.blocked)',
        'snapshot.pin is listed in snapshot.blocked; remove it from one of them',
      ),
    ],
  },
);

const Guards = Type.Object({
  minRows: Type.Optional(Type.Integer({ minimum: 0 })),
  maxRowDropPercent: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  allowOlderWatermark: Type.Optional(Type.Boolean({ default: false })),
  allowFailedQuality: Type.Optional(Type.Boolean({ default: false })),
});

export const DatasetSpecShape = Type.Object(
  {
    description: Type.Optional(Type.String({ maxLength: 2000 })),
    source: Source,
    schema: Type.Array(ColumnShape, {
      minItems: 1,
      maxItems: 500,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    }),
    tenantColumn: Type.Optional(ColumnName),
    snapshot: Type.Optional(Snapshot),
    guards: Type.Optional(Guards),
    cache: Type.Optional(Type.Object({ rebuild: Type.Optional(Token) })),
    suspend: Type.Optional(Type.Boolean({ default: false })),
  },
  {
    'x-kubernetes-validations': [
      cel(
        '!has(self.tenantColumn) || self.schema.exists(c, c.name == self.tenantColumn)',
        'tenantColumn is not a column of schema; add it there or correct the name',
      ),
      // Pairs of over 300 columns cost more than the API server spends on one rule; wider schemas are for the operator to tell.
      cel(
        `size(self.schema) > 300 || ${eachOnce('self.schema.map(c, c.name.lowerAscii())')}`,
        'schema names a column twice, or twice but for upper and lower case; remove one of them',
      ),
    ],
  },
);
export type DatasetSpec = Static<typeof DatasetSpecShape>;

export const DatasetShape = Type.Object(
  {
    apiVersion: Type.String(),
    kind: Type.Unsafe<'Dataset'>({ type: 'string', enum: ['Dataset'] }),
    metadata: ObjectMetaShape,
    spec: DatasetSpecShape,
    status: Type.Optional(DatasetStatusShape),
  },
  {
    'x-kubernetes-validations': [
      cel(
        `self.metadata.name.matches('${identifierPattern}')`,
        'a manifest names its dataset by an identifier: metadata.name begins with a letter and holds up to 63 of a-z, 0-9 and -; rename it',
      ),
    ],
  },
);
export type Dataset = Static<typeof DatasetShape>;
