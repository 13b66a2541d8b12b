/** DuckDB's values as JSON text: exact digits, ISO times, nested values as JSON, never anything that is not JSON. */
import { DuckDBDateValue, DuckDBDecimalValue, DuckDBTimestampValue } from '@duckdb/node-api';
import type { ColumnType } from '@offloader/contract';

/** DuckDB writes NaN and infinities into JSON as bare words; strings are left alone. */
const withoutNaN = (json: string): string =>
  /nan|inf/i.test(json)
    ? json.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:nan|inf(?:inity)?)\b/gi, (found) => (found.startsWith('"') ? found : 'null'))
    : json;

const timestampText = (value: DuckDBTimestampValue): string => {
  const text = value.toString();
  const [, day, time, fraction = ''] = /^(\d{4,6}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d+))?/.exec(text) ?? [];
  return day === undefined || time === undefined ? 'null' : `"${day}T${time}.${fraction.padEnd(6, '0')}"`;
};

const numberText = (value: number): string => (Number.isFinite(value) ? String(Object.is(value, -0) ? 0 : value) : 'null');

/** One value of a result column; `type` is the declared type of the column it came from. */
export const jsonOf = (value: unknown, type: ColumnType): string => {
  if (value === null || value === undefined) return 'null';
  switch (typeof value) {
    case 'string':
      return type === 'JSON' ? withoutNaN(value) : JSON.stringify(value);
    case 'number':
      return numberText(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      if (value instanceof DuckDBTimestampValue) return timestampText(value);
      if (value instanceof DuckDBDateValue) return /^\d{4,6}-/.test(value.toString()) ? `"${value.toString()}"` : 'null';
      return value instanceof DuckDBDecimalValue ? value.toString() : JSON.stringify(String(value));
  }
};
