/**
 * The contract's "Triage": `offloader triage`, `incidents[]` and the admin port's page tell the same of a gateway in trouble. Classes of
 * a gateway that are not here: gateway/test/contract/recognisable-incidents.test.ts; those of a cluster: kubectl.test.ts.
 */
import { readFile, writeFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { likelyOwner } from '@offloader/contract';
import type { Incident } from '@offloader/contract';
import { repository } from '../run-offloader.ts';
import type { Ran } from '../run-offloader.ts';
import { inProcess } from '../run-in-process.ts';
import { adminToken, isReady, layOutUsage, newFolder, publishUsage, serve, until } from '../served.ts';
import type { Served } from '../served.ts';

const dataset = (name: string, url: string): string => `apiVersion: offloader.dev/v1alpha1
kind: Dataset
metadata: { name: ${name} }
spec:
  source: { manifest: { url: "${url}" }, interval: 1s }
  schema: [{ name: n, type: BIGINT }]
`;
let folder: string;
let gateway: Served;
let incidents: readonly Incident[] = [];
let printed: Ran;
let page: string;
const report = async (): Promise<any> =>
  (await fetch(`${gateway.admin}/diagnostics`, { headers: { authorization: `Bearer ${adminToken}` } })).json();
const classes = async (): Promise<readonly string[]> => (await report()).incidents.map((one: Incident) => one.class).toSorted();

beforeAll(async () => {
  folder = await newFolder();
  const project = await layOutUsage(folder);
  expect(await publishUsage(folder, 'first')).toMatchObject({ code: 0 });
  // One file says that it is a Parquet file, and is none.
  const broken = join(folder, 'broken.json');
  const manifest = JSON.parse(await readFile(join(folder, 'lake/usage/manifest.json'), 'utf8')) as { files: { path: string; size_bytes: number; format: string }[] };
  const files = [{ ...manifest.files[0], path: 'broken.parquet', format: 'parquet', row_count: 1, size_bytes: 4096 }];
  await writeFile(join(folder, 'broken.parquet'), Buffer.alloc(4096, 'PAR1'));
  await writeFile(broken, JSON.stringify({ ...manifest, dataset_id: 'broken', schema: [{ name: 'n', type: 'BIGINT' }], files, row_count: 1, size_bytes: 4096, partition_columns: [], sort_columns: [] }));
  await writeFile(join(project, 'broken.yaml'), dataset('broken', `file://${broken}`));
  await writeFile(join(project, 'away.yaml'), dataset('away', 'https://127.0.0.1:1/manifest.json'));
  gateway = (await serve(project, join(folder, 'cache'))) as Served;
  await until('the gateway', () => isReady(gateway));
  await writeFile(join(project, 'bad.yaml'), dataset('not a name', 'file:///x.json'));
  // What is told changes with every attempt: all three are to be of one moment.
  await until('all of it', async () => {
    const before = (await report()).incidents;
    [printed, page] = [await inProcess(['triage', '--admin-url', gateway.admin, '--admin-token', adminToken]), await (await fetch(gateway.admin)).text()];
    incidents = (await report()).incidents;
    const isStill = JSON.stringify(incidents) === JSON.stringify(before);
    return isStill && ['config_rejected', 'refresh_failed', 'source_unreachable'].every((one) => incidents.some((seen) => seen.class === one));
  });
}); // prettier-ignore
afterAll(async () => {
  await gateway.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('a gateway with several things wrong at once', () => {
  test('each is an incident with its owner, evidence, action, runbook and whom to escalate to', async () => {
    expect(await classes()).toEqual(expect.arrayContaining(['config_rejected', 'refresh_failed', 'source_unreachable']));
    for (const one of incidents) {
      expect(one).toMatchObject({
        owner: one.class === 'refresh_failed' ? expect.stringMatching(/^(UpstreamData|Environment|Offloader)$/) : likelyOwner[one.class],
        action: expect.stringMatching(/\S/),
        escalate: expect.stringMatching(/\S/),
      });
      expect(one.evidence.join('')).toMatch(/\S/);
      expect(await readFile(join(repository, one.runbook), 'utf8')).toContain(`\`${one.class}\``);
    }
  });

  test('`offloader triage` prints all of it, the owner first, and exits 1', () => {
    expect(printed).toMatchObject({ code: 1, err: '' });
    for (const { class: of, owner, evidence, action, runbook, escalate } of incidents) {
      expect(printed.out).toContain(`${of}: owner ${owner}`);
      for (const [what, said] of [...evidence.map((one) => ['evidence', one]), ['action', action], ['runbook', runbook], ['escalate', escalate]])
        expect(printed.out).toContain(`  ${what ?? ''}: ${said ?? ''}`);
    }
  }); // prettier-ignore

  test('the page shows it to people; evidence, which may name places, is behind the token', () => {
    const cells = page.replaceAll(/&#(\d+);/g, (_mark, code: string) => String.fromCharCode(Number(code)));
    for (const { class: of, owner, action, runbook, escalate } of incidents)
      for (const said of [of, owner, action, runbook, escalate]) expect(cells).toContain(`<td>${said}</td>`);
    expect(cells).not.toContain('127.0.0.1:1');
  });
});
