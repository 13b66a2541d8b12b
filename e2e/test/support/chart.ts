/** The chart as Helm renders it. Where Helm cannot be built its suites are skipped by name, except in CI. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

const root = new URL('../../../', import.meta.url);
const chart = new URL('helm/offloader', root).pathname;
const run = promisify(execFile);

type Shape = Readonly<Record<string, unknown>>;
type Rule = { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] };
type Container = {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext: Shape;
  readonly resources: { readonly limits: { readonly memory: string } };
};
type PodSpec = {
  readonly securityContext: Shape;
  readonly containers: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly projected?: { readonly sources: readonly Shape[] } }[];
  readonly automountServiceAccountToken?: boolean;
};
export type Rendered = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly metadata: { readonly labels: Shape; readonly annotations: Shape }; readonly spec: PodSpec };
    readonly groups: readonly {
      readonly rules: readonly { alert: string; expr: string; labels: Shape; annotations: { runbook: string; summary: string } }[];
    }[];
    readonly ports: readonly { readonly port: number }[];
  };
  readonly rules: readonly Rule[];
  readonly data: Readonly<Record<string, string>>;
};

const findHelm = (): string | undefined => {
  try {
    return execFileSync(new URL('e2e/cluster/tool', root).pathname, ['helm'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return undefined;
  }
};
// The first build takes minutes; jest gives a module no time limit, but a hook it does.
export const helm = findHelm();

/** The objects that the chart makes with these values, for the newest Kubernetes that Helm knows unless one is named. */
export const render = async (
  values: Readonly<Record<string, string | number | boolean | object>> = {},
  release = 'offloader',
  kubernetes?: string,
): Promise<readonly Rendered[]> => {
  // What is no text comes as from a values file, whose numbers Helm reads as floats.
  const set = Object.entries(values).flatMap(([name, value]) =>
    typeof value === 'string' ? ['--set', `${name}=${value}`] : ['--set-json', `${name}=${JSON.stringify(value)}`],
  );
  const version = kubernetes === undefined ? [] : ['--kube-version', kubernetes];
  const { stdout } = await run(helm ?? '', ['template', release, chart, '--namespace', 'team', ...set, ...version], {
    maxBuffer: 16 * 1024 * 1024,
  });
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
};
/** The object of this kind and name. */
export const find = (objects: readonly Rendered[], kind: string, name: string): Rendered => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined)
    throw new Error(`no ${kind} ${name} in ${objects.map((object) => `${object.kind}/${object.metadata.name}`).join(' ')}`);
  return found;
};
/** The names of all objects of this kind. */
export const named = (objects: readonly Rendered[], kind: string): readonly string[] =>
  objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);

export const describeChart: typeof describe.skip = helm === undefined ? describe.skip : describe;
