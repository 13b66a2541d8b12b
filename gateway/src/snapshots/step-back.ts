/** What serves comes first: a load takes the processor time that is left. */
import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** On Linux each thread has a priority of its own, which those that it starts take over; Node.js has started some by now. */
const ownThreads = (): readonly number[] => {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [0];
  }
};

/** Lowers the priority of this process, of all it has and starts. */
export const stepBack = (): void => {
  const niceness = Math.min(getPriority() + 10, 19);
  for (const thread of ownThreads())
    try {
      setPriority(thread, niceness);
    } catch {
      // It has ended since.
    }
};
