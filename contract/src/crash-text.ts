/** The last words of a process. */

/** Where in the code; a message that spans lines is no such line. */
const isFrame = (line: string): boolean => /^ {4}at .+(:\d+:\d+\)?|<anonymous>\)?)$/.test(line);

/**
 * What may be said of an error that nobody caught: what it is, and where. Never its message nor what it carries: an error of an
 * SDK holds the request that failed, with its headers, and Node.js would print it whole.
 */
export const crashText = (error: unknown): string => {
  if (!(error instanceof Error)) return 'an uncaught value that is no error';
  const { code } = error as { code?: unknown };
  const frames = (error.stack ?? '').split('\n').filter(isFrame);
  return [`uncaught ${error.name}${typeof code === 'string' && /^[A-Z_0-9]+$/.test(code) ? ` ${code}` : ''}`, ...frames].join('\n');
};
