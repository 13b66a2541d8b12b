/** `offloader keys create`: a new token, shown once, and the ApiKey that knows its hash. */
import { randomBytes } from 'node:crypto';
import { apiVersion, parseResource, sha256Hex } from '@offloader/contract';
import { stringify } from 'yaml';
import { runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { renderFindings } from '../findings.ts';
import { writeNewFile } from '../new-file.ts';
import { list, moment } from '../option-values.ts';
import type { AddCommand } from '../program.ts';

type Options = { name: string; tenant?: string; endpoints: readonly string[]; expiresAt?: string; out?: string; force?: boolean };

export const addKeys: AddCommand = (program, context) => {
  const keys = program.command('keys').description('API keys');
  keys
    .command('create')
    .description('make a token, shown only this once, and the ApiKey manifest with its hash')
    .requiredOption('--name <name>', 'metadata.name of the ApiKey')
    .option('--tenant <tenant>', 'the tenant whose rows the key may read; needed for tenant-scoped endpoints')
    .requiredOption('--endpoints <a,b>', "endpoint names, or '*'", list)
    .option('--expires-at <time>', 'when it ends, such as 2027-01-31T00:00:00Z', moment)
    .option('--out <file>', 'write the manifest there instead of printing it')
    .option('--force', 'replace the file')
    .action(runs(context, (options: Options) => create(options, context)));
};

const create = async (options: Options, context: Context): Promise<ExitCode> => {
  const token = `ofl_${randomBytes(32).toString('base64url')}`;
  const key = apiKey(options, sha256Hex(token));
  const checked = parseResource(key);
  if (!checked.ok) {
    for (const line of renderFindings(checked.error)) context.err(line);
    return 1;
  }
  const manifest = stringify(key);
  if (options.out !== undefined) {
    const written = await writeNewFile(options.out, manifest, { force: options.force ?? false });
    if (!written.ok) {
      context.err(written.error);
      return 1;
    }
  }
  // A document of its own: kept with the manifest by mistake, it is no resource, and validate and kubectl refuse the file.
  context.out(`token: ${token} # shown only this once`);
  context.out(options.out === undefined ? `---\n${manifest.trimEnd()}` : `# ${options.out} holds the ApiKey with its hash`);
  return 0;
};

const apiKey = (options: Options, hash: string): object => ({
  apiVersion,
  kind: 'ApiKey',
  metadata: { name: options.name },
  spec: {
    ...(options.tenant === undefined ? {} : { tenant: options.tenant }),
    endpoints: options.endpoints,
    ...(options.expiresAt === undefined ? {} : { expiresAt: options.expiresAt }),
    hash,
  },
});
