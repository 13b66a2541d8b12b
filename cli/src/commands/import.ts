/** `offloader import`: a project of the original Offloader (offloader.yml, datasets, endpoints, keys) as the three kinds. */
import { join } from 'node:path';
import { compile } from '@offloader/contract';
import type { Finding } from '@offloader/contract';
import { stringify } from 'yaml';
import { withFiles } from '../compile-folder.ts';
import { failed, runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { renderFindings } from '../findings.ts';
import { readProject } from '../import/read-project.ts';
import type { ImportedFile, ImportedProject } from '../import/read-project.ts';
import { anyExists, writeNewFile } from '../new-file.ts';
import type { AddCommand } from '../program.ts';

type Options = { out: string; force?: boolean };

export const addImport: AddCommand = (program, context) => {
  program
    .command('import')
    .description('turn a project of the original Offloader into Dataset, Endpoint and ApiKey manifests')
    .argument('<dir>', 'the folder with offloader.yml')
    .requiredOption('--out <dir>', 'where to write the manifests')
    .option('--force', 'replace files')
    .action(runs(context, (dir: string, options: Options) => importProject(dir, options, context)));
};

const importProject = async (dir: string, options: Options, context: Context): Promise<ExitCode> => {
  const project = await readProject(dir);
  if (!project.ok) return failed(context, [project.error]);
  const findings = findingsOf(project.value);
  if (findings.length > 0) return failed(context, [...renderFindings(findings), 'nothing was written: mend the original first']);
  const force = options.force ?? false;
  const { files, auth } = project.value;
  const taken = force ? undefined : await anyExists(files.map(({ path }) => join(options.out, path)));
  if (taken !== undefined) return failed(context, [`${taken}: exists already; --force replaces it`]);
  for (const file of files) {
    const written = await writeNewFile(join(options.out, file.path), textOf(file), { force });
    if (!written.ok) return failed(context, [written.error]);
    context.out(`wrote ${join(options.out, file.path)}`);
    for (const field of file.objects.flatMap(({ leftOut }) => leftOut))
      context.err(`${file.from}: ${field}: has no place here and was left out`);
  }
  if (auth === 'none') context.out('the project is public: serve it with OFFLOADER_AUTH=none, or gateway.auth=none in the chart');
  return 0;
};

const textOf = ({ objects }: ImportedFile): string => objects.map(({ resource }) => stringify(resource, { lineWidth: 0 })).join('---\n');

/** What the rules say of the resources, told by the original files. */
const findingsOf = ({ files, auth }: ImportedProject): readonly Finding[] => {
  const documents = files.flatMap(({ from, objects }) => objects.map(({ resource }) => ({ file: from, raw: resource })));
  const { verdicts } = compile({ auth, resources: documents.map(({ raw }) => raw), tokens: {}, releases: {}, lastGood: null });
  return withFiles(documents, verdicts);
};
