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

/** Days on either side of 1970 that a Date can hold. */
const farthestDay = 100_000_000;
const dayMs = 86_400_000;
const dayMicros = 86_400_000_000n;
/** DuckDB's ±infinity among days. */
const endlessDays = 2_147_483_647;

/** The calendar repeats after 400 years: a day that no Date can hold is told by one that can. */
const cycleYears = 400;
const cycleDays = 146_097;

const dayOf = (days: number): string => {
  if (Math.abs(days) <= farthestDay) return new Date(days * dayMs).toISOString().slice(0, -14);
  const cycles = Math.trunc(days / cycleDays);
  const [year = '', ...monthAndDay] = dayOf(days - cycles * cycleDays).split('-');
  const far = Number(year) + cycles * cycleYears;
  return [`${far < 0 ? '-' : '+'}${String(Math.abs(far)).padStart(6, '0')}`, ...monthAndDay].join('-');
};

/** Days repeat within answers, and a Date costs more than all else that is done to a value. */
const knownDays = new Map<number, string>();
const mostKnownDays = 10_000;

const isoDay = (days: number): string => {
  const known = knownDays.get(days);
  if (known !== undefined) return known;
  if (knownDays.size >= mostKnownDays) knownDays.clear();
  const text = dayOf(days);
  knownDays.set(days, text);
  return text;
};

/** YYYY-MM-DD; years beyond four digits as ISO 8601 extends them; null for ±infinity. */
const dayText = ({ days }: DuckDBDateValue): string | null => (Math.abs(days) >= endlessDays ? null : isoDay(days));

const pairs = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));

/** HH:MM:SS.ffffff; all of a day, also its last moment, which DuckDB calls 24:00:00. */
const clockText = (micros: number): string => {
  const seconds = Math.floor(micros / 1_000_000);
  const minutes = Math.floor(seconds / 60);
  const fraction = String(micros - seconds * 1_000_000).padStart(6, '0');
  return `${pairs[Math.floor(minutes / 60)] ?? ''}:${pairs[minutes % 60] ?? ''}:${pairs[seconds % 60] ?? ''}.${fraction}`;
};

const momentText = (micros: bigint): string | null => {
  if (micros <= -(2n ** 63n) + 1n || micros >= 2n ** 63n - 1n) return null;
  let days = Number(micros / dayMicros);
  let rest = Number(micros % dayMicros);
  if (rest < 0) {
    days -= 1;
    rest += Number(dayMicros);
  }
  return `${isoDay(days)}T${clockText(rest)}`;
};

/** Every kind of TIMESTAMP at microseconds, as DuckDB itself casts them. */
export const microsOf = (value: unknown): bigint | undefined => {
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return value.micros;
  if (value instanceof DuckDBTimestampSecondsValue) return value.seconds * 1_000_000n;
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis * 1000n;
  return value instanceof DuckDBTimestampNanosecondsValue ? value.nanos / 1000n : undefined;
};

const numberText = (value: number): string | null => (Number.isFinite(value) ? String(Object.is(value, -0) ? 0 : value) : null);

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

/** A day, a moment or a time of day; undefined for everything else. */
const timeText = (value: unknown): string | null | undefined => {
  if (value instanceof DuckDBDateValue) return dayText(value);
  const micros = microsOf(value);
  if (micros !== undefined) return momentText(micros);
  return value instanceof DuckDBTimeValue ? clockText(Number(value.micros)) : undefined;
};

const objectOf = (value: object): string => {
  const time = timeText(value);
  if (time !== undefined) return time === null ? 'null' : `"${time}"`;
  if (value instanceof DuckDBDecimalValue) return value.toString();
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
    const time = timeText(value);
    if (time !== undefined) return time;
    const text = json(value);
    if (text === 'null') return null;
    return text.startsWith('"') ? (JSON.parse(text) as string) : text;
  };
};
