/** `offloader manifest validate`: the file-level rules for a snapshot's manifest, and those of its Dataset when one is given. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { advised, checkCompatibility, checkManifest, namesDataset, parseManifest, soundFields } from '@offloader/contract';
import type { CompiledDataset, Finding, Problem, SoundFields } from '@offloader/contract';
import { compileFolder } from '../compile-folder.ts';
import { runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { renderFindings } from '../findings.ts';
import { ioProblem } from '../io-problem.ts';
import { checkLocalFiles } from '../manifest-files.ts';
import type { AddCommand } from '../program.ts';

type Options = { config?: string };

export const addManifest: AddCommand = (program, context) => {
  const manifest = program.command('manifest').description('snapshot manifests');
  manifest
    .command('validate')
    .description('every rule for a manifest and its local files, in one pass')
    .argument('<path>', 'manifest.json')
    .option('--config <dir>', 'also hold it against its Dataset in this folder of resources')
    .action(runs(context, (path: string, options: Options) => validate(path, options, context)));
};

const validate = async (path: string, options: Options, context: Context): Promise<ExitCode> => {
  const findings = (await findingsOf(path, options.config)).map((problem): Finding => ({ ...advised(problem), file: path }));
  if (findings.length === 0) {
    context.out(`OK: ${path}`);
    return 0;
  }
  for (const line of renderFindings(findings)) context.err(line);
  return 1;
};

const findingsOf = async (path: string, config: string | undefined): Promise<readonly Problem[]> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return [{ code: 'missing_file', path: '', message: `cannot be read: ${ioProblem(error)}` }];
  }
  const parsed = parseManifest(text);
  // What is sound of a faulty manifest is still held against its files and its Dataset: one pass tells everything.
  const fields = parsed.ok ? parsed.value : soundFields(text);
  return [
    ...(parsed.ok ? [] : parsed.error),
    ...(await checkLocalFiles(fields, path)),
    ...(config === undefined ? [] : await againstDataset(fields, path, config)),
  ];
};

const againstDataset = async (manifest: SoundFields, path: string, config: string): Promise<readonly Problem[]> => {
  const { dataset_id: id } = manifest;
  if (id === undefined) return [];
  const { datasets } = (await compileFolder(config)).bundle;
  const dataset = datasets.find((candidate: CompiledDataset) => namesDataset(id, candidate));
  if (dataset === undefined) {
    return [{ code: 'unknown_dataset', path: 'dataset_id', message: `no valid Dataset of this name in ${config}` }];
  }
  const url = pathToFileURL(resolve(path)).href;
  return [...checkManifest(manifest, dataset, url), ...checkCompatibility(manifest, dataset)];
};
