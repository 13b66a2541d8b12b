/** The admin port's page: whose an incident is, at a glance. It needs no token, so it names classes, datasets and pages only. */
import type { Report } from '@offloader/contract';

const escaped = (text: string): string => text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ccc}.ok{color:#176f2c}.bad{color:#a40e26}';

const row = (cells: readonly string[]): string => `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;

const body = (report: Report): string => {
  const incidents = report.incidents.map((one) => row([one.class, one.dataset ?? '', one.owner, one.action, one.runbook, one.escalate]));
  const datasets = report.datasets.map((one) =>
    row([
      one.dataset,
      one.active_snapshot?.snapshot_id ?? 'none',
      one.last_attempted?.status ?? 'none',
      one.stale === true ? 'stale' : 'fresh',
    ]),
  );
  const found =
    incidents.length === 0
      ? '<p class="ok">No incident.</p>'
      : `<table><tr><th>Class</th><th>Dataset</th><th>Likely owner</th><th>Action</th><th>Runbook</th><th>Escalate to</th></tr>${incidents.join('')}</table>`;
  return `<h2>Incidents</h2>${found}<h2>Datasets</h2><table><tr><th>Dataset</th><th>Snapshot</th><th>Last attempt</th><th>Freshness</th></tr>${datasets.join('')}</table>`;
};

export const triagePage = (version: string, ready: boolean, report: Report | null): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Offloader triage</title><style>${style}</style></head><body><h1>Offloader ${escaped(version)}</h1><p class="${ready ? 'ok">Ready' : 'bad">Not ready'}.</p>${report === null ? '<p>Starting.</p>' : body(report)}<p><a href="docs">API documentation</a></p></body></html>`;
