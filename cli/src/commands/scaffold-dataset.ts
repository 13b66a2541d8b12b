/** `offloader scaffold-dataset`: a Dataset inferred from a manifest or a data file, as a start. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { apiVersion, err, ok, parseManifest, parseResource } from '@offloader/contract';
import type { Column, Result } from '@offloader/contract';
import { stringify } from 'yaml';
import { failed, runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { renderFindings } from '../findings.ts';
import { ioProblem } from '../io-problem.ts';
import { writeNewFile } from '../new-file.ts';
import type { AddCommand } from '../program.ts';
import { inspectFiles } from '../publish/inspect-files.ts';
import { unionSchema } from '../publish/manifest-draft.ts';

type Options = { from: string; out?: string; name?: string; url?: string; tenantColumn?: string; force?: boolean };
type Inferred = { readonly name: string; readonly url: string; readonly schema: readonly Column[] };

export const addScaffoldDataset: AddCommand = (program, context) => {
  program
    .command('scaffold-dataset')
    .description('write a Dataset inferred from a manifest, a CSV or a Parquet file')
    .requiredOption('--from <file>', 'manifest.json, .csv or .parquet')
    .option('--out <file>', 'where to write it; default: stdout')
    .option('--name <name>', "metadata.name; default: the manifest's dataset_id or the file's name")
    .option('--url <url>', 'source.manifest.url; default: the manifest beside the file')
    .option('--tenant-column <column>', 'the column that holds the tenant')
    .option('--force', 'replace the file')
    .action(runs(context, (options: Options) => scaffold(options, context)));
};

const scaffold = async (options: Options, context: Context): Promise<ExitCode> => {
  const inferred = extname(options.from) === '.json' ? await fromManifest(options.from) : await fromData(options.from);
  if (!inferred.ok) return failed(context, inferred.error);
  const dataset = render(inferred.value, options);
  const checked = parseResource(dataset);
  if (!checked.ok) return failed(context, renderFindings(checked.error));
  const text = stringify(dataset, { lineWidth: 0 });
  if (options.out === undefined) {
    context.out(text.trimEnd());
    return 0;
  }
  const written = await writeNewFile(options.out, text, { force: options.force ?? false });
  if (!written.ok) return failed(context, [written.error]);
  context.out(`wrote ${options.out}`);
  return 0;
};

const fromManifest = async (path: string): Promise<Result<Inferred, readonly string[]>> => {
  try {
    const parsed = parseManifest(await readFile(path, 'utf8'));
    if (!parsed.ok) return err(renderFindings(parsed.error.map((problem) => ({ ...problem, file: path }))));
    return ok({ name: parsed.value.dataset_id, url: pathToFileURL(resolve(path)).href, schema: parsed.value.schema });
  } catch (error) {
    return err([`${path}: cannot be read: ${ioProblem(error)}`]);
  }
};

const formats: Readonly<Record<string, 'csv' | 'parquet'>> = { '.csv': 'csv', '.parquet': 'parquet' };

const fromData = async (path: string): Promise<Result<Inferred, readonly string[]>> => {
  const format = formats[extname(path).toLowerCase()];
  if (format === undefined) return err([`${path}: neither .json nor .csv nor .parquet`]);
  const sizeBytes = await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
  if (sizeBytes === undefined) return err([`${path}: cannot be read`]);
  const inspected = await inspectFiles([{ absolute: resolve(path), path, format, sizeBytes }]);
  if (!inspected.ok) return err([inspected.error]);
  const schema = unionSchema(inspected.value);
  if (!schema.ok) return schema;
  const url = pathToFileURL(join(dirname(resolve(path)), 'manifest.json')).href;
  return ok({ name: basename(path, extname(path)), url, schema: schema.value });
};

/** A name that Kubernetes takes. */
const objectName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');

const render = (inferred: Inferred, options: Options): object => ({
  apiVersion,
  kind: 'Dataset',
  metadata: { name: options.name ?? objectName(inferred.name) },
  spec: {
    source: { manifest: { url: options.url ?? inferred.url } },
    schema: inferred.schema,
    ...(options.tenantColumn === undefined ? {} : { tenantColumn: options.tenantColumn }),
  },
});
