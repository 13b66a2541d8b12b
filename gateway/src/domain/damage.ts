/** Which of DuckDB's errors may mean that a snapshot's files are damaged or gone. Pure. */

/** Errors of reading a file, as DuckDB begins them. Only the beginning counts: the rest may quote a value of a request. */
const readingFailed = /^(IO Error|Serialization Error|INTERNAL Error|FATAL Error|Invalid Error|Invalid Input Error: No magic bytes)/;
/** What is not the file's fault: an instance that is invalidated says so whichever file was wanted; a machine that has run out. */
const blameless = /database has been invalidated|Too many open files|No space left|Out of Memory/i;

/** Whether a file that was read in full is at fault. */
export const isDamage = (message: string): boolean => readingFailed.test(message) && !blameless.test(message);

/** Said of a result that ended before its end, for whatever reason. */
export const brokenOff = 'the result broke off';

/** A suspicion, not a verdict: whoever gets `true` reads the files in full before they act. */
export const isSuspicious = (message: string): boolean => message === brokenOff || isDamage(message);
