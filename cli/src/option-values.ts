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
  if (items.includes('')) throw new InvalidArgumentError('a comma-separated list without empty items');
  return items;
};

/** `a=VARCHAR,b=DOUBLE` as a record of column types. */
export const typesOption = (text: string): Readonly<Record<string, ColumnType>> =>
  Object.fromEntries(
    list(text).map((item) => {
      const [name, type] = item.split('=');
      const known = columnTypes.find((candidate) => candidate === type?.toUpperCase());
      if (name === undefined || known === undefined)
        throw new InvalidArgumentError(`column=TYPE with TYPE one of ${columnTypes.join(' ')}`);
      return [name, known];
    }),
  );

/** A number of seconds above 0. */
export const seconds = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number of seconds above 0');
  return value;
};
