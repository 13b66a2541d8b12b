/** `offloader publish`: a folder of Parquet or CSV files becomes a snapshot that a Dataset can serve. */
import { resolve } from 'node:path';
import { randomUUID } from 'node:crypto';
import { Option } from 'commander';
import { parseManifest } from '@offloader/contract';
import type { ColumnType, Manifest } from '@offloader/contract';
import { failed, runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { renderFindings } from '../findings.ts';
import { ioProblem } from '../io-problem.ts';
import type { AddCommand } from '../program.ts';
import { count, list, moment, typesOption } from '../option-values.ts';
import { digestOf, findDataFiles, unsafePath } from '../publish/data-files.ts';
import type { DataFile } from '../publish/data-files.ts';
import { inspectFiles } from '../publish/inspect-files.ts';
import { draftManifest } from '../publish/manifest-draft.ts';
import type { ManifestFacts } from '../publish/manifest-draft.ts';
import { manifestText, publishCopy, publishInPlace } from '../publish/publish-snapshot.ts';
import { openTarget } from '../targets/open-target.ts';

type Options = {
  dataset: string;
  snapshotId?: string;
  out?: string;
  watermark?: string;
  producer: string;
  runId?: string;
  quality: Manifest['data_quality_status'];
  compatibility: Manifest['compatibility_policy'];
  schemaVersion: number;
  types?: Readonly<Record<string, ColumnType>>;
  partitionColumns?: readonly string[];
  sortColumns?: readonly string[];
  s3Endpoint?: string;
  s3Region?: string;
  s3PathStyle?: boolean;
  force?: boolean;
};

export const addPublish: AddCommand = (program, context) => {
  program
    .command('publish')
    .description('publish the Parquet and CSV files of a folder as a snapshot; manifest.json is written last')
    .argument('<dir>', 'folder with the data files')
    .requiredOption('--dataset <name>', 'the Dataset (metadata.name) that this snapshot is for')
    .option('--snapshot-id <id>', 'default: the UTC time, as 2026-11-24T12-00-00Z')
    .option(
      '--out <url>',
      'folder, file://, s3:// or gs:// to copy the snapshot to; default: the files stay, manifest.json goes beside them',
    )
    .option('--watermark <time>', 'the data is complete up to this time, such as 2026-11-24T06:00:00Z; default: now', moment)
    .option('--producer <text>', 'who made the data', 'offloader publish')
    .option('--run-id <text>', "the producing run's id; default: a new UUID")
    .addOption(
      new Option('--quality <status>', 'the verdict of your data checks').choices(['passed', 'warning', 'failed']).default('passed'),
    )
    .addOption(
      new Option('--compatibility <policy>', 'extra columns allowed or not').choices(['additive_only', 'exact']).default('additive_only'),
    )
    .option('--schema-version <n>', 'integer from 1', count, 1)
    .option('--types <a=VARCHAR,b=DOUBLE>', 'column types to declare instead of those read from the files', typesOption)
    .option('--partition-columns <a,b>', 'columns the files are partitioned by', list)
    .option('--sort-columns <a,b>', 'columns the files are sorted by', list)
    .option('--s3-endpoint <url>', 'an S3-compatible store; default: AWS_ENDPOINT_URL or AWS itself')
    .option('--s3-region <name>', 'default: AWS_REGION')
    .option('--s3-path-style', 'bucket in the path, not in the host name')
    .option('--force', 'replace what is there')
    .action(runs(context, (dir: string, options: Options) => publish(dir, options, context)));
};

const publish = async (dir: string, options: Options, context: Context): Promise<ExitCode> => {
  const folder = resolve(dir);
  // Both are valid ids, and neither is a folder of its own.
  if (['.', '..'].includes(options.snapshotId ?? '')) return failed(context, ['--snapshot-id: . and .. cannot name a snapshot']);
  const files = await dataFiles(folder, options, context);
  if (files === undefined) return 1;
  const inspected = await inspectFiles(files);
  if (!inspected.ok) return failed(context, [inspected.error]);
  const digested = await Promise.all(inspected.value.map(async (file) => ({ ...file, sha256: await digestOf(file) })));
  const drafted = draftManifest(facts(options, new Date().toISOString()), digested);
  if (!drafted.ok) return failed(context, drafted.error);
  // What we publish passes the same rules as what others publish.
  const checked = parseManifest(manifestText(drafted.value));
  if (!checked.ok) return failed(context, renderFindings(checked.error));
  const manifest = drafted.value;
  const target = await openTarget(options.out ?? folder, {
    endpoint: options.s3Endpoint,
    region: options.s3Region,
    pathStyle: options.s3PathStyle ?? false,
  });
  if (!target.ok) return failed(context, [target.error]);
  const publication = { manifest, files, target: target.value, force: options.force ?? false };
  const done =
    options.out === undefined || isSameFolder(options.out, folder) ? await publishInPlace(publication) : await publishCopy(publication);
  if (!done.ok) return failed(context, [done.error]);
  context.out(
    `published snapshot ${manifest.snapshot_id} of ${manifest.dataset_id}: ${manifest.row_count} rows in ${manifest.files.length} files, ${manifest.size_bytes} bytes, to ${target.value.name}`,
  );
  return 0;
};

const dataFiles = async (folder: string, options: Options, context: Context): Promise<readonly DataFile[] | undefined> => {
  try {
    const found = await findDataFiles(folder);
    // In place, the folder may hold snapshots that earlier runs copied there.
    const files = options.out === undefined ? found.filter((file) => !file.path.startsWith('snapshots/')) : found;
    const unsafe = unsafePath(files);
    if (unsafe !== undefined) failed(context, [`${unsafe.path}: rename it; %, ?, # and \\ cannot stand in a manifest's path`]);
    else if (files.length > 0) return files;
    else failed(context, [`${folder}: no .parquet or .csv file in it`]);
  } catch (error) {
    failed(context, [`${folder}: cannot be read: ${ioProblem(error)}`]);
  }
  return undefined;
};

const facts = (options: Options, now: string): ManifestFacts => ({
  dataset: options.dataset,
  snapshotId: options.snapshotId ?? now.replace(/\.\d+Z$/, 'Z').replaceAll(':', '-'),
  createdAt: now,
  watermark: options.watermark ?? now,
  producer: options.producer,
  runId: options.runId ?? randomUUID(),
  schemaVersion: options.schemaVersion,
  quality: options.quality,
  compatibility: options.compatibility,
  partitionColumns: options.partitionColumns ?? [],
  sortColumns: options.sortColumns ?? [],
  types: options.types ?? {},
});

const isSameFolder = (out: string, folder: string): boolean => !/^[a-z][a-z0-9+.-]*:\/\//i.test(out) && resolve(out) === folder;
