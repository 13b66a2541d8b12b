/** Rows as an Arrow IPC stream: schema, one record batch per chunk, end marker. Values go into the buffers as DuckDB gave them. */
import { DuckDBDateValue, DuckDBDecimalValue } from '@duckdb/node-api';
import {
  Bool,
  type Data,
  type DataType,
  DateDay,
  Decimal,
  Field,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMicrosecond,
  Utf8,
} from 'apache-arrow';
import type { AnswerColumn, CreateEncoder, Rows } from '../domain/encoder.ts';
import { microsOf, textWriter } from './values.ts';

type Build = (values: readonly unknown[]) => Readonly<Record<string, ArrayBufferView>>;
type ColumnForm = { readonly type: DataType; readonly build: Build };

/** 128 bits, little endian, two's complement. */
const putInt128 = (words: BigUint64Array, at: number, value: bigint): void => {
  words[at * 2] = BigInt.asUintN(64, value);
  words[at * 2 + 1] = BigInt.asUintN(64, value >> 64n);
};
const decimals: Build = (values) => {
  const words = new BigUint64Array(values.length * 2);
  for (const [at, value] of values.entries()) {
    if (typeof value === 'bigint') putInt128(words, at, value);
    else if (value instanceof DuckDBDecimalValue) putInt128(words, at, value.value);
  }
  return { data: new Uint32Array(words.buffer) };
};

const numbers =
  (make: (length: number) => Int32Array | Float64Array): Build =>
  (values) => {
    const data = make(values.length);
    for (const [at, value] of values.entries()) if (typeof value === 'number') data[at] = value;
    return { data };
  };
const bigints =
  (read: (value: unknown) => bigint | undefined): Build =>
  (values) => ({ data: BigInt64Array.from(values, (value) => read(value) ?? 0n) });

const days: Build = (values) => ({ data: Int32Array.from(values, (value) => (value instanceof DuckDBDateValue ? value.days : 0)) });

const bitmap = (values: readonly unknown[], isSet: (value: unknown) => boolean): Uint8Array => {
  // Arrow pads buffers to 8 bytes.
  const bytes = new Uint8Array(Math.ceil(values.length / 64) * 8);
  for (const [at, value] of values.entries()) if (isSet(value)) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
  return bytes;
};

const texts =
  (write: (value: unknown) => string | null): Build =>
  (values) => {
    const parts = values.map((value) => Buffer.from(write(value) ?? ''));
    const valueOffsets = new Int32Array(values.length + 1);
    for (const [at, part] of parts.entries()) valueOffsets[at + 1] = (valueOffsets[at] ?? 0) + part.length;
    return { data: new Uint8Array(Buffer.concat(parts)), valueOffsets };
  };

const decimalOf = (type: string): DataType => {
  const [, precision = '38', scale = '0'] = /^DECIMAL\((\d+),(\d+)\)/.exec(type) ?? [];
  return new Decimal(Number(scale), Number(precision), 128);
};

const isInteger = (value: unknown): bigint | undefined => (typeof value === 'bigint' ? value : undefined);

/** By DuckDB's own type; what has no counterpart goes as text, exactly as CSV has it. */
const formOf = ({ type, declared }: AnswerColumn): ColumnForm => {
  if (declared === 'JSON') return { type: new Utf8(), build: texts(textWriter('JSON')) };
  if (type === 'INTEGER') return { type: new Int32(), build: numbers((length) => new Int32Array(length)) };
  if (type === 'BIGINT') return { type: new Int64(), build: bigints(isInteger) };
  if (type === 'HUGEINT' || type.startsWith('DECIMAL')) return { type: decimalOf(type), build: decimals };
  if (type === 'DOUBLE') return { type: new Float64(), build: numbers((length) => new Float64Array(length)) };
  if (type === 'BOOLEAN') return { type: new Bool(), build: (values) => ({ data: bitmap(values, (value) => value === true) }) };
  if (type === 'DATE') return { type: new DateDay(), build: days };
  if (type === 'TIMESTAMP') return { type: new TimestampMicrosecond(), build: bigints(microsOf) };
  return { type: new Utf8(), build: texts(textWriter(declared)) };
};

const dataOf = ({ type, build }: ColumnForm, values: readonly unknown[]): Data =>
  makeData({
    type,
    length: values.length,
    nullCount: values.filter((value) => value === null).length,
    nullBitmap: bitmap(values, (value) => value !== null),
    ...build(values),
  });

const endMarkerBytes = 8;

export const createArrowEncoder: CreateEncoder = (columns) => {
  const forms = columns.map(formOf);
  const schema = new Schema(columns.map(({ name }, at) => new Field(name, forms[at]?.type ?? new Utf8(), true)));
  const batchOf = (rows: Rows): RecordBatch => {
    const children = columns.map((column, at) => {
      const form = forms[at];
      if (form === undefined) throw new Error('every column has a form');
      return dataOf(
        form,
        rows.map((row) => row[column.at] ?? null),
      );
    });
    return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children }));
  };
  /** A stream of its own: schema, batches, end marker. */
  const streamOf = (batches: readonly RecordBatch[]): Uint8Array => {
    const writer = new RecordBatchStreamWriter();
    writer.reset(undefined, schema);
    for (const batch of batches) writer.write(batch);
    writer.finish();
    return writer.toUint8Array(true);
  };
  // Every such stream begins with the same schema and ends with the same marker: what lies between them is the batch.
  const empty = streamOf([]);
  const schemaBytes = empty.length - endMarkerBytes;
  return {
    head: () => empty.subarray(0, schemaBytes),
    rows: (rows) => (rows.length === 0 ? new Uint8Array() : streamOf([batchOf(rows)]).slice(schemaBytes, -endMarkerBytes)),
    tail: () => empty.subarray(schemaBytes),
  };
};
