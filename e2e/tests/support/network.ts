/** Cuts in the network of the cluster, which is a namespace of its own that the suite runs in; on another cluster there is none to make. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether the cluster is ours alone. */
export const isOwnCluster = process.env['E2E_INSIDE'] !== '';

type Rule = readonly [command: string, table: readonly string[], chain: string, match: readonly string[]];

/** From pod to pod: frames within the node's bridge. */
const between = (a: string, b: string): readonly Rule[] =>
  [
    [a, b],
    [b, a],
  ].map(([from = '', to = '']) => ['ebtables', [], 'FORWARD', ['-p', 'IPv4', '--ip-src', from, '--ip-dst', to, '-j', 'DROP']]);

/** From a pod to a Service's address, before it is turned into a pod's. */
const toService = (pod: string, address: string): Rule => [
  'iptables',
  ['-t', 'raw'],
  'PREROUTING',
  ['-s', pod, '-d', address, '-j', 'DROP'],
];

export type Cut = {
  readonly pods?: readonly (readonly [string, string])[];
  readonly services?: readonly (readonly [pod: string, address: string])[];
};

/** Swallows what goes between these while the work goes on. Addresses without port. */
export const cutOff = async <T>({ pods = [], services = [] }: Cut, work: () => Promise<T>): Promise<T> => {
  const rules = [...pods.flatMap(([a, b]) => between(a, b)), ...services.map(([pod, address]) => toService(pod, address))];
  const each = async (flag: '-A' | '-D'): Promise<void> => {
    for (const [command, table, chain, match] of rules) await run(command, [...table, flag, chain, ...match]);
  };
  await each('-A');
  try {
    return await work();
  } finally {
    await each('-D');
  }
};
