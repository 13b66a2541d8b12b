/** `kubectl offloader status`: every object of the three kinds with who serves it, and why what is not ready is not. */
import type { Condition, Dataset } from '@offloader/contract';
import { failed, runs } from '../../context.ts';
import type { Context, ExitCode } from '../../context.ts';
import { connect, withCluster } from '../../kubernetes/cluster-options.ts';
import type { ClusterOptions } from '../../kubernetes/cluster-options.ts';
import type { AddCommand } from '../../program.ts';

type Base = { readonly conditions?: Condition[]; readonly gateways?: { readonly ready: number; readonly total: number } };
type Resource = { readonly metadata: { readonly name: string }; readonly status?: Base };

export const addStatus: AddCommand = (program, context) => {
  withCluster(program.command('status').description('what is served and by whom; exit 1 when something is not ready')).action(
    runs(context, (options: ClusterOptions) => status(options, context)),
  );
};

const status = async (options: ClusterOptions, context: Context): Promise<ExitCode> => {
  const cluster = await connect(options);
  if (!cluster.ok) return failed(context, [cluster.error]);
  const { value } = cluster;
  const [datasets, endpoints, keys] = await Promise.all([value.list('Dataset'), value.list('Endpoint'), value.list('ApiKey')]);
  if (!datasets.ok) return failed(context, [datasets.error.message]);
  if (!endpoints.ok) return failed(context, [endpoints.error.message]);
  if (!keys.ok) return failed(context, [keys.error.message]);
  const rows = [
    ['KIND', 'NAME', 'READY', 'GATEWAYS', 'SNAPSHOT', 'MESSAGE'],
    ...datasets.value.map((one) => row('Dataset', one, snapshotOf(one), pendingOf(one))),
    ...endpoints.value.map((one) => row('Endpoint', one, '')),
    ...keys.value.map((one) => row('ApiKey', one, '')),
  ];
  for (const line of table(rows)) context.out(line);
  return rows.slice(1).every(([, , ready]) => ready === 'True') ? 0 : 1;
};

const snapshotOf = ({ status: is }: Dataset): string => is?.activeSnapshot?.id ?? 'none';

/** A token does not make a Dataset less Ready: what serves may well be what it will bring. */
const pendingOf = ({ status: is }: Dataset): string =>
  Object.entries(is?.pending ?? {})
    .map(([what, pods]) => `${what} asked for; waiting for ${pods.join(', ')}`)
    .join('; ');

const row = (kind: string, { metadata, status: is }: Resource, snapshot: string, pending = ''): readonly string[] => {
  const ready = is?.conditions?.find(({ type }) => type === 'Ready');
  const gateways = is?.gateways === undefined ? '' : `${is.gateways.ready}/${is.gateways.total}`;
  const message = ready === undefined || ready.status === 'True' ? pending : `${ready.reason}: ${ready.message}`;
  return [kind, metadata.name, ready?.status ?? 'Unknown', gateways, snapshot, message];
};

/** Columns as wide as their widest cell. Pure. */
export const table = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};
