/** SQL that writes a value of any type as JSON text, by the rules of answers: exact numbers, ISO times in UTC, null for what JSON cannot say. */
import { largeIntegers, moments, type Physical, smallIntegers, timesOfDay, zonedMoment } from './physical.ts';
import { literal } from './sql.ts';

/** What DuckDB's own to_json writes as answers do. */
const plainInDuckDB = new Set([
  ...smallIntegers,
  ...largeIntegers,
  'VARCHAR',
  'BOOLEAN',
  'UUID',
  'ENUM',
  'BLOB',
  'BIT',
  'BIGNUM',
  'INTERVAL',
]);

const isoFormat = literal('%Y-%m-%dT%H:%M:%S.%f');

/** HH:MM:SS.ffffff in UTC; nanoseconds keep their digits. */
export const timeSql = (name: string, sql: string): string => {
  const local = name === 'TIME WITH TIME ZONE' ? `CAST(timezone('UTC', ${sql}) AS TIME)` : sql;
  const text = `CAST(${local} AS VARCHAR)`;
  return `concat(${text}[1:8], '.', rpad(${text}[10:], CAST(greatest(6, length(${text}) - 9) AS INTEGER), '0'))`;
};

/** A string, or everything else up to the next one. */
const tokens = literal('"(?:[^"\\\\]|\\\\.)*"|[^"]+');
const unquoted = (token: string, otherwise: string): string => `CASE WHEN starts_with(${token}, '"') THEN ${token} ELSE ${otherwise} END`;

/**
 * JSON text that DuckDB accepts, as JSON: it takes NaN, infinities and a comma before a bracket too. The former become null, the
 * latter is no JSON and ends the load.
 */
export const jsonTextSql = (sql: string): string => {
  const parts = `regexp_extract_all(${sql}, ${tokens})`;
  const comma = literal(',\\s*[\\]}]');
  const trailing = `len(list_filter(${parts}, lambda t: NOT starts_with(t, '"') AND regexp_matches(t, ${comma}))) > 0`;
  const nulled = unquoted('t', `regexp_replace(t, '(?i)-?\\b(nan|inf(inity)?)\\b', 'null', 'g')`);
  const mended = `CASE WHEN ${trailing} THEN error('Conversion Error: malformed JSON') ELSE array_to_string(list_transform(${parts}, lambda t: ${nulled}), '') END`;
  return `CASE WHEN regexp_matches(${sql}, ${literal('(?i)nan|inf|,\\s*[\\]}]')}) THEN ${mended} ELSE ${sql} END`;
};

const ownText = (sql: string): string => `CAST(to_json(${sql}) AS VARCHAR)`;
const quotedText = (sql: string): string => `concat('"', ${sql}, '"')`;

const scalarSql = (name: string, sql: string): string => {
  if (name === 'JSON') return jsonTextSql(`CAST(${sql} AS VARCHAR)`);
  if (name === 'VARIANT') return jsonTextSql(`CAST(CAST(${sql} AS JSON) AS VARCHAR)`);
  if (name === 'DECIMAL') return `CAST(${sql} AS VARCHAR)`;
  if (name === 'GEOMETRY') return ownText(`CAST(${sql} AS VARCHAR)`);
  if (timesOfDay.includes(name)) return quotedText(timeSql(name, sql));
  const moment = name === zonedMoment ? `timezone('UTC', ${sql})` : `CAST(${sql} AS TIMESTAMP)`;
  if (name === zonedMoment || moments.includes(name))
    return `CASE WHEN isfinite(${sql}) THEN ${quotedText(`strftime(${moment}, ${isoFormat})`)} END`;
  return ['FLOAT', 'DOUBLE', 'DATE'].includes(name) ? `CASE WHEN isfinite(${sql}) THEN ${ownText(sql)} END` : ownText(sql);
};

const isPlain = (type: Physical): boolean => {
  switch (type.kind) {
    case 'plain':
      return plainInDuckDB.has(type.name);
    case 'struct':
      return !isUnion(type) && type.fields.every(([, field]) => isPlain(field));
    case 'list':
      return isPlain(type.item);
    case 'map':
      return isPlain(type.key) && isPlain(type.value);
  }
};

type Struct = Extract<Physical, { kind: 'struct' }>;
/** DuckDB writes a UNION as a struct whose first field, without a name, is the number of the member. */
const isUnion = ({ fields }: Struct): boolean => fields[0]?.[0] === '';

const memberSql = ([name, type]: Struct['fields'][number], sql: string, depth: number): string =>
  `${literal(`${JSON.stringify(name)}:`)}, ${textSql(type, sql, depth)}`;

const structSql = (type: Struct, sql: string, depth: number): string => {
  const members = type.fields.map((field, at) => memberSql(field, `struct_extract_at(${sql}, ${at + 1})`, depth));
  if (!isUnion(type)) return `concat('{', ${members.join(`, ',', `)}, '}')`;
  const cases = members.slice(1).map((member, at) => `WHEN ${at} THEN concat('{', ${member}, '}')`);
  return `CASE struct_extract_at(${sql}, 1) ${cases.join(' ')} ELSE 'null' END`;
};

const joinedSql = (items: string, variable: string, item: string): string =>
  `array_to_string(list_transform(${items}, lambda ${variable}: ${item}), ',')`;

/** A key is a string, whatever it was. */
const keySql = (type: Physical, sql: string, depth: number): string => {
  const text = textSql(type, sql, depth);
  return `CASE WHEN starts_with(${text}, '"') THEN ${text} ELSE ${ownText(text)} END`;
};

const nestedSql = (type: Exclude<Physical, { kind: 'plain' }>, sql: string, depth: number): string => {
  const variable = `item_${depth}`;
  switch (type.kind) {
    case 'struct':
      return structSql(type, sql, depth);
    case 'list':
      return `concat('[', ${joinedSql(sql, variable, textSql(type.item, variable, depth + 1))}, ']')`;
    case 'map': {
      const entry = `concat(${keySql(type.key, `${variable}.key`, depth + 1)}, ':', ${textSql(type.value, `${variable}.value`, depth + 1)})`;
      return `concat('{', ${joinedSql(`map_entries(${sql})`, variable, entry)}, '}')`;
    }
  }
};

/** The text of a value; never NULL. */
const textSql = (type: Physical, sql: string, depth: number): string => {
  if (isPlain(type)) return `coalesce(${ownText(sql)}, 'null')`;
  if (type.kind === 'plain') return `coalesce(${scalarSql(type.name, sql)}, 'null')`;
  return `CASE WHEN ${sql} IS NULL THEN 'null' ELSE ${nestedSql(type, sql, depth)} END`;
};

/** A column of any type as a JSON column; `sql` is evaluated more than once. */
export const jsonColumnSql = (type: Physical, sql: string): string => {
  if (type.kind === 'plain' && type.name === 'VARCHAR') return `CAST(${jsonTextSql(sql)} AS JSON)`;
  return `CASE WHEN ${sql} IS NOT NULL THEN CAST(${textSql(type, sql, 0)} AS JSON) END`;
};
