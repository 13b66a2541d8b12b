/** DuckDB's errors during a load as Problems: what is the data's fault, the disk's, the memory's, ours. */
import type { Problem, ProblemCode } from '@offloader/contract';
import { errorText } from '../domain/error-text.ts';

/** What quotes a value of the data comes first and is known by how it begins: the value may say anything. */
const patterns: readonly (readonly [RegExp, ProblemCode, string])[] = [
  // The second form is that of error() in our own casts.
  [/^(Invalid Input Error: )?(Conversion Error|Malformed JSON)/, 'value_does_not_fit', 'a value does not fit the declared type'],
  [/^(Invalid Input Error: )?CSV Error/, 'corrupt_file', 'the file cannot be read'],
  [/No space left|ENOSPC|EDQUOT|quota exceeded|failed to write|disk is full/i, 'disk_full', 'the cache volume is full'],
  [/Out of Memory|failed to (allocate|pin)|could not allocate/i, 'out_of_memory', 'the load needs more memory than its limit'],
  [
    /Read-only file system|Input\/output error|Permission denied|Stale file handle|\b(EROFS|EIO|EACCES|EPERM|ESTALE|ENOTDIR|ELOOP|ENXIO|ENOENT)\b/,
    'cache_unusable',
    'the cache volume cannot be used',
  ],
  [/Could not convert|cast|out of range|malformed JSON/i, 'value_does_not_fit', 'a value does not fit the declared type'],
  [
    /No magic bytes|Invalid Parquet|parquet|corrupt|checksum|thrift|TProtocol|snappy|zstd|decompress|Invalid Error/i,
    'corrupt_file',
    'the file cannot be read',
  ],
];

/** Only names stand in the message, never a value of the data. */
export const loadProblem = (error: unknown, path: string, file: string | null, column?: string): Problem => {
  const text = errorText(error);
  const [, code, meaning] = patterns.find(([pattern]) => pattern.test(text)) ?? [null, 'load_failed' as const, 'the load broke'];
  const where = [file === null ? '' : `file ${file}`, column === undefined ? '' : `column ${column}`]
    .filter((part) => part !== '')
    .join(', ');
  return { code, path, message: where === '' ? meaning : `${where}: ${meaning}` };
};

export const isOutOfMemory = (error: unknown): boolean => loadProblem(error, '', null).code === 'out_of_memory';
