/** Compiles a folder of resources as the operator and the standalone gateway do, and says which file each finding stands in. */
import { compile, kindOf } from '@offloader/contract';
import type { AuthMode, Bundle, Finding, Verdict } from '@offloader/contract';
import { readResourceFolder } from './resource-files.ts';
import type { ResourceDocument } from './resource-files.ts';

export type CompiledFolder = { readonly bundle: Bundle; readonly findings: readonly Finding[]; readonly objects: number };

/** Everything wrong with a folder of resources, and what is right of it, compiled. */
export const compileFolder = async (folder: string, auth: AuthMode = 'required'): Promise<CompiledFolder> => {
  const { documents, findings } = await readResourceFolder(folder);
  const { bundle, verdicts } = compile({
    auth,
    resources: documents.map(({ raw }) => raw),
    tokens: {},
    releases: {},
    lastGood: null,
  });
  return { bundle, findings: [...findings, ...withFiles(documents, verdicts)], objects: documents.length };
};

/** Verdicts come in an order of their own; those of one kind and name come in the order of the documents. Pure. */
export const withFiles = (documents: readonly ResourceDocument[], verdicts: readonly Verdict[]): readonly Finding[] => {
  const files = Map.groupBy(documents, ({ raw }) => idOf(raw));
  const met = new Map<string, number>();
  return verdicts.flatMap(({ kind, name, problems }) => {
    const object = `${kind}/${name}`;
    const turn = met.get(object) ?? 0;
    met.set(object, turn + 1);
    const file = files.get(object)?.[turn]?.file;
    return problems.map((problem): Finding => ({ ...problem, object, ...(file === undefined ? {} : { file }) }));
  });
};

const idOf = (raw: unknown): string => {
  const name = (raw as { metadata?: { name?: unknown } | null }).metadata?.name;
  return `${kindOf(raw) ?? ''}/${typeof name === 'string' ? name : ''}`;
};
