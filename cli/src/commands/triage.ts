/** `offloader triage`: whose incident is it? Exits 1 when it finds something, 0 when all is well. */
import type { Incident } from '@offloader/contract';
import { readReport } from '../admin-client.ts';
import { withAdmin } from '../admin-options.ts';
import type { AdminOptions } from '../admin-options.ts';
import { runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import type { AddCommand } from '../program.ts';

export const addTriage: AddCommand = (program, context) => {
  withAdmin(program.command('triage').description('name the incident, its owner and its runbook; exit 1 when there is one')).action(
    runs(context, (options: AdminOptions) => triage(options, context)),
  );
};

const triage = async (options: AdminOptions, context: Context): Promise<ExitCode> => {
  const report = await readReport(options.adminUrl, options.adminToken);
  if (!report.ok) {
    context.err(`cannot judge: ${report.error.why}`);
    context.err(
      'when the process is not running at all: class gateway_does_not_start, owner Environment, runbooks/gateway-does-not-start.md',
    );
    return 1;
  }
  for (const line of renderIncidents(report.value.incidents)) context.out(line);
  return report.value.incidents.length === 0 ? 0 : 1;
};

/** Each incident with its owner first: that is the question at 3 a.m. */
export const renderIncidents = (incidents: readonly Incident[]): readonly string[] =>
  incidents.length === 0 ? ['OK: nothing found'] : incidents.flatMap(renderIncident);

const renderIncident = (incident: Incident): readonly string[] => [
  `${incident.class}: owner ${incident.owner}${subject(incident)}${incident.since === null ? '' : `, since ${incident.since}`}`,
  ...incident.evidence.map((evidence) => `  evidence: ${evidence}`),
  `  action: ${incident.action}`,
  `  runbook: ${incident.runbook}`,
  `  escalate: ${incident.escalate}`,
];

const subject = (incident: Incident): string =>
  (incident.dataset === undefined ? '' : `, dataset ${incident.dataset}`) +
  (incident.endpoint === undefined ? '' : `, endpoint ${incident.endpoint}`);
