/** A process of a pod that stands still, as on a node that swaps itself to death; on another's cluster there is none to reach. */
import { readdir, readFile } from 'node:fs/promises';

/** The Node.js processes of a pod, as this machine numbers them: a container carries its pod's name in its environment. */
const processesOf = async (pod: string): Promise<readonly number[]> => {
  const all = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const environments = await Promise.all(all.map(async (pid) => readFile(`/proc/${String(pid)}/environ`, 'utf8').catch(() => '')));
  return all.filter((_, at) => environments[at]?.split('\0').includes(`HOSTNAME=${pod}`));
};

/** Stops a pod's processes while the work goes on. Throws when there is none. */
export const hanging = async <T>(pod: string, work: () => Promise<T>): Promise<T> => {
  const pids = await processesOf(pod);
  if (pids.length === 0) throw new Error(`no process of ${pod} on this machine`);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    // What has been killed meanwhile shows in the pod.
    for (const pid of await processesOf(pod)) process.kill(pid, 'SIGCONT');
  }
};
