/** Rows as JSON objects, NDJSON lines and CSV records. */
import type { AnswerColumn, CreateEncoder } from '../domain/encoder.ts';
import { jsonWriter, textWriter } from './values.ts';

const none = new Uint8Array();

/** A row as a JSON object, names written once per answer. */
const objectWriter = (columns: readonly AnswerColumn[]): ((row: readonly unknown[]) => string) => {
  const cells = columns.map(({ at, name, declared }, n) => ({
    at,
    prefix: `${n === 0 ? '{' : ','}${JSON.stringify(name)}:`,
    write: jsonWriter(declared),
  }));
  return (row) => {
    let text = '';
    for (const { at, prefix, write } of cells) text += prefix + write(row[at]);
    return `${text}}`;
  };
};

/** The members of a JSON list; the brackets belong to the envelope. */
export const createJsonEncoder: CreateEncoder = (columns) => {
  const write = objectWriter(columns);
  return {
    head: () => none,
    rows: (rows, isFirst) => Buffer.from(rows.length === 0 ? '' : `${isFirst ? '' : ','}${rows.map(write).join(',')}`),
    tail: () => none,
  };
};

export const createNdjsonEncoder: CreateEncoder = (columns) => {
  const write = objectWriter(columns);
  return { head: () => none, rows: (rows) => Buffer.from(rows.map((row) => `${write(row)}\n`).join('')), tail: () => none };
};

/** RFC 4180; NULL is an empty field and an empty text a quoted one, so that they stay apart. */
const field = (text: string | null): string => {
  if (text === null) return '';
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export const createCsvEncoder: CreateEncoder = (columns) => {
  const cells = columns.map(({ at, declared }, n) => ({ at, prefix: n === 0 ? '' : ',', write: textWriter(declared) }));
  const record = (row: readonly unknown[]): string => {
    let text = '';
    for (const { at, prefix, write } of cells) text += prefix + field(write(row[at]));
    return `${text}\r\n`;
  };
  return {
    head: () => Buffer.from(`${columns.map(({ name }) => field(name)).join(',')}\r\n`),
    rows: (rows) => Buffer.from(rows.map(record).join('')),
    tail: () => none,
  };
};
