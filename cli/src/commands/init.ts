/** `offloader init`: a small project that passes validate and serves at once. */
import { randomBytes, randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sha256Hex } from '@offloader/contract';
import { failed, runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { resourceFiles, visitsCsv } from '../init/project-files.ts';
import { anyExists, writeNewFile } from '../new-file.ts';
import type { AddCommand } from '../program.ts';
import { draftManifest } from '../publish/manifest-draft.ts';
import { manifestText } from '../publish/publish-snapshot.ts';

type Options = { out: string; public?: boolean; force?: boolean };

export const addInit: AddCommand = (program, context) => {
  program
    .command('init')
    .description('write a small project that passes validate and serves at once')
    .requiredOption('--out <dir>', 'the folder to write it to')
    .option('--public', 'without tenants and keys')
    .option('--force', 'replace files')
    .action(runs(context, (options: Options) => init(options, context)));
};

const init = async (options: Options, context: Context): Promise<ExitCode> => {
  const folder = resolve(options.out);
  const isPublic = options.public ?? false;
  const force = options.force ?? false;
  const token = `ofl_${randomBytes(32).toString('base64url')}`;
  const manifestUrl = pathToFileURL(join(folder, 'data', 'manifest.json')).href;
  const files = {
    ...resourceFiles({ isPublic, manifestUrl, tokenHash: sha256Hex(token) }),
    ...dataFiles(visitsCsv(isPublic), new Date().toISOString()),
  };
  // All or nothing: half a project is worse than none.
  const taken = force ? undefined : await anyExists(Object.keys(files).map((path) => join(folder, path)));
  if (taken !== undefined) return failed(context, [`${taken}: exists already; --force replaces it`]);
  for (const [path, text] of Object.entries(files)) {
    const written = await writeNewFile(join(folder, path), text, { force });
    if (!written.ok) return failed(context, [written.error]);
    context.out(`wrote ${join(options.out, path)}`);
  }
  for (const line of nextSteps(options.out, isPublic, token)) context.out(line);
  return 0;
};

const dataFiles = (csv: string, now: string): Readonly<Record<string, string>> => {
  const [header = '', ...rows] = csv.trimEnd().split('\n');
  const types: Readonly<Record<string, string>> = { day: 'DATE', visits: 'BIGINT' };
  const columns = header.split(',').map((name) => ({ name, type: types[name] ?? 'VARCHAR' }));
  const file = { absolute: '', path: 'visits.csv', format: 'csv', sizeBytes: Buffer.byteLength(csv), rows: rows.length, columns } as const;
  const manifest = draftManifest(
    {
      ...{ dataset: 'visits', snapshotId: 'first', createdAt: now, watermark: now, producer: 'offloader init', runId: randomUUID() },
      ...{ schemaVersion: 1, quality: 'passed', compatibility: 'additive_only', partitionColumns: [], sortColumns: [], types: {} },
    },
    [file],
  );
  if (!manifest.ok) throw new Error(`the built-in data is wrong: ${manifest.error.join(', ')}`);
  return { 'data/visits.csv': csv, 'data/manifest.json': manifestText(manifest.value) };
};

const nextSteps = (out: string, isPublic: boolean, token: string): readonly string[] => [
  '',
  `serve it:  OFFLOADER_SECRET_KEY_BASE=$(openssl rand -hex 32) OFFLOADER_CONFIG=${join(out, 'resources')}${isPublic ? ' OFFLOADER_AUTH=none' : ''} offloader serve`,
  ...(isPublic ? [] : [`token: ${token} # shown only this once`]),
  `ask it:    curl ${isPublic ? '' : "-H 'Authorization: Bearer TOKEN' "}'http://127.0.0.1:4000/v1/endpoints/account_totals'`,
];
