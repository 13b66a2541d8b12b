/** Says in words why a file or folder could not be read or written; a code that has no words here is shown as it is. */
const words: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  ENOTDIR: 'it is not a folder',
  EISDIR: 'it is a folder, not a file',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
};

/** The reason of an error of node:fs. */
export const ioProblem = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return words[code] ?? code;
};
