/** Parses option values; what does not parse is a usage error (exit code 2). */
import { InvalidArgumentError } from 'commander';
import type { ColumnType } from '@offloader/contract';

const columnTypes = [
  'DATE',
  'TIMESTAMP',
  'VARCHAR',
  'INTEGER',
  'BIGINT',
  'DOUBLE',
  'BOOLEAN',
  'JSON',
] as const satisfies readonly ColumnType[];

/** `a, b` as a list; empty items are refused. */
export const list = (text: string): readonly string[] => {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) throw new InvalidArgumentError('it takes a comma-separated list without empty items');
  return items;
};

/** `a=VARCHAR,b=DOUBLE` as a record of column types. */
export const typesOption = (text: string): Readonly<Record<string, ColumnType>> =>
  Object.fromEntries(
    list(text).map((item) => {
      const [name, type] = item.split('=');
      const known = columnTypes.find((candidate) => candidate === type?.toUpperCase());
      if (name === undefined || known === undefined)
        throw new InvalidArgumentError(`it takes column=TYPE with TYPE one of ${columnTypes.join(' ')}`);
      return [name, known];
    }),
  );

/** A URL of HTTP, as it was written. */
export const httpUrl = (text: string): string => {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new InvalidArgumentError('it takes a URL such as http://127.0.0.1:4000');
  return text;
};

/** An HTTP status. */
export const httpStatus = (text: string): number => {
  if (!/^[1-5][0-9]{2}$/.test(text)) throw new InvalidArgumentError('it takes an HTTP status such as 200 or 422');
  return Number(text);
};

/** An integer from 1. */
export const count = (text: string): number => {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('it takes an integer from 1');
  return Number(text);
};

/** A moment with its offset, as it was written. */
export const moment = (text: string): string => {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(Date.parse(text)))
    throw new InvalidArgumentError('it takes a time with its offset, such as 2027-01-31T00:00:00Z');
  return text;
};

/** A number of seconds above 0. */
export const seconds = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('it takes a number of seconds above 0');
  return value;
};
