/** Shapes that the kinds share: names, durations, columns, metadata. Bounds exist so that CEL's cost can be estimated. */
import { type Static, Type } from '@sinclair/typebox';
import { columnPattern, durationPattern, identifierPattern, snapshotIdPattern } from '../names.ts';

/** A CEL rule of the API server, with the message it answers. */
export const cel = (rule: string, message: string): { readonly rule: string; readonly message: string } => ({ rule, message });
/** CEL that holds when a list has no member twice; the list is made once, which is what it costs. */
export const eachOnce = (list: string): string => `[${list}].all(n, n.all(a, n.exists_one(b, a == b)))`;

export const Text = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, ...(description === undefined ? {} : { description }) });
/** A DNS-1123 subdomain, as the API server takes for the names of its own objects. */
export const ObjectName = Type.String({
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
  maxLength: 253,
});
/** What a key may call: every endpoint, or one by its name in the URL. */
export const grantPattern = '^([*]|[a-z][a-z0-9_-]{0,62})$';
export const Identifier = Type.String({ pattern: identifierPattern, maxLength: 63 });
export const ColumnName = Type.String({ pattern: columnPattern, maxLength: 63 });
export const SnapshotIdText = Type.String({ pattern: snapshotIdPattern, maxLength: 200 });
export const Duration = Type.String({ pattern: durationPattern, maxLength: 20 });
/** A whole second or more, told from the text, so that CEL and TypeScript agree. */
export const secondOrMorePattern = '(^|[a-z])0*([1-9][0-9]*(s|h|d|m([0-9]|$))|[1-9][0-9]{3,}ms)';
export const Token = Text(200);
const day = '[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])';
const time = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])';
export const noSuchDay = 'names a day that its month does not have; correct it';
/** Months have 28 to 31 days: what the pattern cannot tell, the calendar of CEL can (getDate of a day too many is another). */
const dayExists = cel("timestamp(self.substring(0, 10) + 'T00:00:00Z').getDate() == int(self.substring(8, 10))", noSuchDay);
/** A day or a moment; YAML readers hand an unquoted day over as either. */
export const DayOrMoment = Type.String({ pattern: `^${day}(T${time})?$`, maxLength: 40, 'x-kubernetes-validations': [dayExists] });
export const Moment = Type.String({ pattern: `^${day}T${time}$`, maxLength: 40, 'x-kubernetes-validations': [dayExists] });

const literals = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });
export const OneOf = literals;
export const ColumnTypeName = literals(['DATE', 'TIMESTAMP', 'VARCHAR', 'INTEGER', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'JSON']);
export const ColumnShape = Type.Object({ name: ColumnName, type: ColumnTypeName });
/** A string, number or boolean; the API server keeps it as it was written. */
export const Scalar = Type.Unsafe<string | number | boolean>({ 'x-kubernetes-preserve-unknown-fields': true });

/** The part of metadata that Offloader reads. */
export const ObjectMetaShape = Type.Object({
  name: ObjectName,
  namespace: Type.Optional(Type.String()),
  uid: Type.Optional(Type.String()),
  resourceVersion: Type.Optional(Type.String()),
  generation: Type.Optional(Type.Integer()),
  creationTimestamp: Type.Optional(Type.String()),
  deletionTimestamp: Type.Optional(Type.String()),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ObjectMeta = Static<typeof ObjectMetaShape>;
