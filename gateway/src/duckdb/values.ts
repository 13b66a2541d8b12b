/** DuckDB's values as text: exact digits, ISO times, nested values as JSON, never anything that is not JSON. */
import {
  DuckDBArrayValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBUnionValue,
} from '@duckdb/node-api';
import type { ColumnType } from '@offloader/contract';

/** DuckDB writes NaN and infinities into JSON as bare words; strings are left alone. */
const withoutNaN = (json: string): string =>
  /nan|inf/i.test(json)
    ? json.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:nan|inf(?:inity)?)\b/gi, (found) => (found.startsWith('"') ? found : 'null'))
    : json;

/** Milliseconds on either side of 1970 that a Date can hold. */
const farthestMs = 8_640_000_000_000_000;
const dayMs = 86_400_000;
/** DuckDB's ±infinity among days. */
const endlessDays = 2_147_483_647;

/** YYYY-MM-DD; years beyond four digits as ISO 8601 extends them; null for ±infinity. */
export const dayText = (value: DuckDBDateValue): string | null => {
  const { days } = value;
  if (Math.abs(days) >= endlessDays) return null;
  const ms = days * dayMs;
  return Math.abs(ms) > farthestMs ? value.toString() : new Date(ms).toISOString().slice(0, -14);
};

const momentText = (micros: bigint): string | null => {
  if (micros <= -(2n ** 63n) + 1n || micros >= 2n ** 63n - 1n) return null;
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const ms = Number((micros - fraction) / 1000n);
  // Only the last 18,000 of DuckDB's 294,000 years are beyond a Date.
  if (Math.abs(ms) > farthestMs) return new DuckDBTimestampValue(micros).toString().replace(' ', 'T');
  return `${new Date(ms).toISOString().slice(0, -5)}.${String(fraction).padStart(6, '0')}`;
};

/** Every kind of TIMESTAMP at microseconds, as DuckDB itself casts them. */
export const microsOf = (value: unknown): bigint | undefined => {
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return value.micros;
  if (value instanceof DuckDBTimestampSecondsValue) return value.seconds * 1_000_000n;
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis * 1000n;
  return value instanceof DuckDBTimestampNanosecondsValue ? value.nanos / 1000n : undefined;
};

const timeText = ({ micros }: DuckDBTimeValue): string => {
  const pad = (value: bigint, length = 2): string => String(value).padStart(length, '0');
  const seconds = micros / 1_000_000n;
  return `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}.${pad(micros % 1_000_000n, 6)}`;
};

const numberText = (value: number): string | null => (Number.isFinite(value) ? String(Object.is(value, -0) ? 0 : value) : null);
const quoted = (text: string | null): string => (text === null ? 'null' : JSON.stringify(text));

const objectJson = (entries: readonly (readonly [string, unknown])[]): string =>
  `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${jsonOf(value)}`).join(',')}}`;
const listJson = (items: readonly unknown[]): string => `[${items.map((item) => jsonOf(item)).join(',')}]`;
/** A map's key as text: a string as it is, everything else as it would be written. */
const keyText = (key: unknown): string => (typeof key === 'string' ? key : jsonOf(key).replace(/^"(.*)"$/, '$1'));

const nestedJson = (value: unknown): string | undefined => {
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return listJson(value.items);
  if (value instanceof DuckDBStructValue) return objectJson(Object.entries(value.entries));
  if (value instanceof DuckDBMapValue) return objectJson(value.entries.map((entry) => [keyText(entry.key), entry.value] as const));
  return value instanceof DuckDBUnionValue ? objectJson([[value.tag, value.value]]) : undefined;
};

const objectOf = (value: object): string => {
  const micros = microsOf(value);
  if (micros !== undefined) return quoted(momentText(micros));
  if (value instanceof DuckDBDateValue) return quoted(dayText(value));
  if (value instanceof DuckDBDecimalValue) return value.toString();
  if (value instanceof DuckDBTimeValue) return quoted(timeText(value));
  return nestedJson(value) ?? JSON.stringify((value as { toString(): string }).toString());
};

/** Any value of DuckDB as JSON text. */
export const jsonOf = (value: unknown): string => {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return numberText(value) ?? 'null';
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : objectOf(value);
    default:
      return 'null';
  }
};

/** One column's values as JSON text; a JSON column's text is JSON already. */
export const jsonWriter = (declared: ColumnType): ((value: unknown) => string) =>
  declared === 'JSON' ? (value) => (typeof value === 'string' ? withoutNaN(value) : jsonOf(value)) : jsonOf;

/** One column's values as plain text for CSV; null where JSON has null. */
export const textWriter = (declared: ColumnType): ((value: unknown) => string | null) => {
  const json = jsonWriter(declared);
  if (declared === 'JSON') return (value) => (value === null ? null : json(value));
  return (value) => {
    if (typeof value === 'string') return value;
    const text = json(value);
    if (text === 'null') return null;
    return text.startsWith('"') ? (JSON.parse(text) as string) : text;
  };
};
