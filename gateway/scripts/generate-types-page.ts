/** Writes docs/types.md from the table that the conformance suite runs; with --check it writes nothing and fails when the page differs. */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  aggregateCases,
  csvField,
  jsonCases,
  misfits,
  momentCases,
  otherCases,
  plainCases,
  refusedTypes,
  textCases,
  timeCases,
  typedForms,
} from '../test/corpus/types.ts';

const page = new URL('../../docs/types.md', import.meta.url);
/** As code within a cell of a table. */
const code = (text: string): string => {
  const visible = text.replaceAll('\r', '␍').replaceAll('\n', '␊').replaceAll('\0', '␀').replaceAll('|', '\\|');
  if (visible === '') return '';
  const ticks = visible.includes('`') ? '``' : '`';
  return `${ticks}${visible}${ticks}`;
};
const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const casesTable = (cases: typeof plainCases): string =>
  table(
    ['declared', 'written as', 'value', 'JSON, NDJSON', 'CSV'],
    cases.map(([declared, physical, sql, json]) => [declared, physical, code(sql), code(json), code(csvField(declared, json))]),
  );

const text = `# Types
What a value of a file becomes in an answer. Every row of these tables is a test that loads a real file and compares the bytes of the answers, with \`servingMode\` LocalTable and RemoteScan.

<!-- Generated from gateway/test/corpus/types.ts by \`npm run generate\`. Do not edit. -->

Values are in SQL, under the type that DuckDB writes into a Parquet file. NULL is \`null\` in JSON, with its key present, an empty field in CSV (an empty text is \`""\`), and NULL in Arrow and Parquet. What JSON cannot say (NaN, infinities, endless dates) is \`null\` in JSON and an empty field in CSV; Arrow and Parquet keep it.

## Arrow and Parquet
${table(
  ['declared', 'Arrow', 'Parquet'],
  Object.entries(typedForms).map(([declared, forms]) => [declared, ...forms.map(code)]),
)}

## Texts, numbers, booleans
${casesTable(plainCases)}

## Dates and times
A TIMESTAMP has no zone and is UTC; nanoseconds are cut to microseconds.

${casesTable([...momentCases, ...timeCases])}

## JSON columns
${casesTable(jsonCases)}

## Everything else
A DECIMAL under DOUBLE is the nearest double, which has 15 exact digits: declare VARCHAR or JSON where there are more. A BLOB is written as DuckDB writes it, byte by byte what is not printable.

Parquet itself has no ENUM, BIT or BIGNUM, which are text in the file, no UNION, which is a struct, and no HUGEINT: DuckDB writes it as a DOUBLE. Write DECIMAL(38,0) where its digits count; sums of integers come out at all of theirs, as below.

${casesTable(otherCases)}

## Fields of CSV files
${table(
  ['declared', 'field', 'JSON, NDJSON'],
  textCases.map(([declared, field, json]) => [declared, field === '' ? '`""`' : code(field), code(json)]),
)}

## Aggregates
${table(
  ['aggregate', 'of', 'JSON', 'Arrow', 'Parquet'],
  aggregateCases.map(([over, agg, json, arrow, parquet]) => [agg, `${code(over)} twice`, code(json), code(arrow), code(parquet)]),
)}

## What does not load
Types that do not stand under a declared type reject the snapshot with \`schema_data_mismatch\`, which names file, column and both types:

${table(
  ['declared', 'in the Parquet file'],
  refusedTypes.map(([declared, physical]) => [declared, physical]),
)}

Values that do not fit, although their type does, reject it with \`value_does_not_fit\`, which names file and column and never the value:

${table(
  ['declared', 'file', 'value'],
  misfits.map(([declared, format, physical, sql]) => [declared, format === 'csv' ? 'CSV' : `Parquet, ${physical}`, code(sql)]),
)}
`;

const current = (): string => {
  try {
    return readFileSync(page, 'utf8');
  } catch {
    return '';
  }
};
if (!process.argv.includes('--check')) writeFileSync(page, text);
else if (current() !== text) {
  process.stderr.write('docs/types.md differs from the table of the suite; run npm run generate\n');
  process.exitCode = 1;
}
