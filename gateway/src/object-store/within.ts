/** Calls to a place that end, whatever it does. */
import { err, type Problem, type Result } from '@offloader/contract';
import { storeProblem } from './problems.ts';

const late = Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });

/**
 * What a call comes to; after `ms`, or when it is given up, it is not waited for any longer. The signal that the work gets is one
 * of its own and not AbortSignal.any: Node.js keeps a composed signal for as long as somebody listens to it, with all that its
 * listeners hold, and not every SDK stops listening. What the work has opened is no longer ended by `signal` once it has returned.
 */
export const within = async <T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result<T, Problem>>,
): Promise<Result<T, Problem>> => {
  const given = new AbortController();
  const giveUp = (): void => given.abort(signal.reason);
  const timer = setTimeout(() => given.abort(late), ms);
  // Some parts of the SDKs, such as their look for credentials, hear no signal.
  const end = new Promise<never>((_resolve, reject) => {
    given.signal.addEventListener('abort', () => reject(given.signal.reason as Error), { once: true });
  });
  if (signal.aborted) giveUp();
  else signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work(given.signal), end]);
  } catch (error) {
    return err(storeProblem(given.signal.reason === late ? late : error));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
};
