/** A CSV file has no types, but it has names: exactly those that the manifest declares, in whatever order. */
import type { Column } from '../bundle.ts';
import type { Problem } from '../problem.ts';
import { problem } from './problems.ts';

/** What a header lacks and what it has too much, as one finding of the file at this place of `files`. */
export const checkCsvHeader = (header: readonly string[], schema: readonly Column[], at: number): readonly Problem[] => {
  const declared = schema.map(({ name }) => name);
  const lacking = declared.filter((name) => !header.includes(name));
  const beyond = header.filter((name) => !declared.includes(name));
  if (lacking.length + beyond.length === 0) return [];
  const parts = [
    ...(lacking.length === 0 ? [] : [`lacks ${lacking.join(', ')}`]),
    ...(beyond.length === 0 ? [] : [`has ${beyond.join(', ')}, not declared in schema`]),
  ];
  return [problem('schema_data_mismatch', `files[${at}]`, `the header ${parts.join(' and ')}`)];
};
