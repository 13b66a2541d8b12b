/** `offloader doctor`: one ok or FAIL line per check of the tools, the configuration and the gateway. */
import { adminUrl, get, readReport } from '../admin-client.ts';
import { withOptionalAdmin } from '../admin-options.ts';
import { compileFolder } from '../compile-folder.ts';
import { runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { ioProblem } from '../io-problem.ts';
import type { AddCommand } from '../program.ts';

type Options = { config?: string; adminUrl?: string; adminToken?: string };
/** Resolves to what was found; what it throws or says with `bad` is a failure. */
type Check = { readonly name: string; readonly run: () => Promise<{ readonly well: boolean; readonly found: string }> };

const oldestNode = 24;

export const addDoctor: AddCommand = (program, context) => {
  withOptionalAdmin(
    program
      .command('doctor')
      .description('check tools, configuration and gateway; exit 1 when a check fails')
      .option('--config <dir>', 'a folder of resources'),
  ).action(runs(context, (options: Options) => doctor(options, context)));
};

const doctor = async (options: Options, context: Context): Promise<ExitCode> => {
  const checks = [...tools, ...configChecks(options.config), ...gatewayChecks(options)];
  let code: ExitCode = 0;
  // All at once: a gateway that does not answer is waited for once.
  const verdicts = await Promise.all(
    checks.map(async ({ name, run }) => ({
      name,
      ...(await run().catch((error: unknown) => ({ well: false, found: ioProblem(error) }))),
    })),
  );
  for (const { name, well, found } of verdicts) {
    context.out(`${well ? 'ok  ' : 'FAIL'} ${name}: ${found}`);
    if (!well) code = 1;
  }
  return code;
};

const tools: readonly Check[] = [
  {
    name: 'Node.js',
    run: async () => ({
      well: Number(process.versions.node.split('.')[0]) >= oldestNode,
      found: `${process.versions.node}, needed is ${oldestNode} or newer`,
    }),
  },
  {
    name: 'DuckDB',
    run: async () => {
      const { DuckDBInstance, version } = await import('@duckdb/node-api');
      const instance = await DuckDBInstance.create(':memory:');
      const connection = await instance.connect();
      await connection.run('SELECT 1');
      connection.closeSync();
      instance.closeSync();
      return { well: true, found: version() };
    },
  },
];

const configChecks = (config: string | undefined): readonly Check[] =>
  config === undefined
    ? []
    : [
        {
          name: 'configuration',
          run: async () => {
            const { findings, objects } = await compileFolder(config);
            if (findings.length > 0)
              return { well: false, found: `${findings.length} problems; see offloader validate --config ${config}` };
            return { well: objects > 0, found: `${objects} resources` };
          },
        },
      ];

const gatewayChecks = ({ adminUrl: base, adminToken }: Options): readonly Check[] => {
  if (base === undefined) return [];
  const ready: Check = {
    name: 'gateway /ready',
    run: async () => {
      const answer = await get(adminUrl(base, '/ready'));
      return answer.ok
        ? { well: answer.value.status === 200, found: `status ${answer.value.status}` }
        : { well: false, found: answer.error };
    },
  };
  const diagnostics: Check = {
    name: 'gateway /diagnostics',
    run: async () => {
      const report = await readReport(base, adminToken);
      if (!report.ok) return { well: false, found: report.error.why };
      const { duckdb_status: duckdb, incidents } = report.value;
      return { well: duckdb === 'ok' && incidents.length === 0, found: `DuckDB ${duckdb}, ${incidents.length} incidents` };
    },
  };
  return adminToken === undefined ? [ready] : [ready, diagnostics];
};
