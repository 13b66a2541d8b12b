/** Calls to a place that end, whatever it does. */
import { err, type Problem, type Result } from '@offloader/contract';
import { storeProblem } from './problems.ts';

const late = Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });

/** What a call comes to; after `ms`, or when it is given up, it is not waited for any longer. */
export const within = async <T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result<T, Problem>>,
): Promise<Result<T, Problem>> => {
  const given = new AbortController();
  const ended = AbortSignal.any([signal, given.signal]);
  const timer = setTimeout(() => given.abort(late), ms);
  // Some parts of the SDKs, such as their look for credentials, hear no signal.
  const end = new Promise<never>((_resolve, reject) => {
    if (ended.aborted) reject(ended.reason as Error);
    ended.addEventListener('abort', () => reject(ended.reason as Error), { once: true });
  });
  try {
    return await Promise.race([work(ended), end]);
  } catch (error) {
    return err(storeProblem(given.signal.aborted ? late : error));
  } finally {
    clearTimeout(timer);
  }
};
