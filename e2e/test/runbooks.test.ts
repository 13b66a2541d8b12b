// The runbooks and the incident classes belong together: each class has a page, each page has the same form.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { likelyOwner } from '@offloader/contract';
import { parse } from 'yaml';

const folder = new URL('../../runbooks/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const pages = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');

/** Spelled out, not imported: a class that is renamed in the code must fail here. */
const classes = [
  'gateway_does_not_start',
  'source_unreachable',
  'refresh_rejected',
  'refresh_failed',
  'dataset_stale',
  'duckdb_failure',
  'cache_disk_low',
  'pool_busy',
  'auth_misconfiguration',
  'replica_behind',
  'config_rejected',
  'operator_down',
];
const procedures = ['rollback-image.md', 'rollback-snapshot.md', 'cache-quarantine.md', 'endpoint-unavailable.md'];

type Alert = { readonly alert: string; readonly runbook: string; readonly owner: string };
const alerts = parse(readFileSync(new URL('../helm/offloader/files/alerts.yaml', folder), 'utf8')) as readonly Alert[];

describe('the runbooks', () => {
  test.each(classes)('incident class %s has a page that names it', (name) => {
    expect(read(`${name.replaceAll('_', '-')}.md`)).toContain(`\`${name}\``);
  });

  test('there is no page without a class or a procedure', () => {
    expect(pages.toSorted()).toEqual([...classes.map((name) => `${name.replaceAll('_', '-')}.md`), ...procedures].toSorted());
  });

  test.each(pages)('%s goes from symptom to escalation', (page) => {
    const headings = [...read(page).matchAll(/^## (.+)$/gm)].map((match) => match[1]);
    expect(headings).toEqual(['Symptom', 'Signals', 'Likely owner', 'Action', 'Escalation']);
  });

  const section = (page: string, heading: string): string =>
    new RegExp(`^## ${heading}\\n([^]*?)(?=^## |$(?![^]))`, 'm').exec(read(page))?.[1] ?? '';

  test.each(alerts.map(({ alert, runbook }) => [alert, `${runbook}.md`]))(
    '%s stands among the signals of %s, and steps follow',
    (alert, page) => {
      expect(section(page, 'Signals')).toContain(`\`${alert}\``);
      const steps = [...section(page, 'Action').matchAll(/^([0-9]+)\. \S/gm)].map(([, n]) => Number(n));
      expect(steps).toEqual(steps.map((_, n) => n + 1));
      expect(steps.length).toBeGreaterThan(1);
    },
  );

  test('no page speaks of an alert that there is not', () => {
    const spoken = pages.flatMap((page) => [...read(page).matchAll(/`(Offloader[A-Z]\w+)`/g)].map(([, name]) => name));
    expect([...new Set(spoken)].toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });

  test('every link between pages leads to a page', () => {
    const targets = ['README.md', ...pages].flatMap((page) => [...read(page).matchAll(/\]\(([a-z-]+\.md)\)/g)].map((match) => match[1]));
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.filter((target) => target === undefined || !pages.includes(target))).toEqual([]);
  });

  describe('each class has one likely owner', () => {
    const owners = Object.entries(likelyOwner);
    /** Alerts that show more of a case than its class, with the owner of that case. */
    const special: Readonly<Record<string, string>> = {
      OffloaderCacheVolumeFailed: 'Environment',
      OffloaderOperatorFailing: 'Offloader',
    };

    test("for every class but a refresh that failed, which is its code's", () => {
      expect([...owners.map(([name]) => name), 'refresh_failed'].toSorted()).toEqual(classes.toSorted());
    });

    test.each(owners)('%s: %s, in the list of the runbooks, on its page and in its alerts', (name, owner) => {
      const page = `${name.replaceAll('_', '-')}.md`;
      expect(read('README.md')).toContain(`| ${name} | [${page.replace('.md', '')}](${page}) | ${owner} |`);
      expect(section(page, 'Likely owner')).toContain(`**${owner}**`);
      const named = alerts.filter(({ alert, runbook }) => `${runbook}.md` === page && special[alert] === undefined);
      expect(named.map((one) => [one.alert, one.owner])).toEqual(named.map(({ alert }) => [alert, owner]));
    });

    test.each(Object.entries(special))('%s: %s, and the page of its class says when', (name, owner) => {
      const alert = alerts.find((one) => one.alert === name);
      expect(alert?.owner).toBe(owner);
      expect(section(`${alert?.runbook ?? ''}.md`, 'Likely owner')).toContain(`**${owner}**`);
    });
  });
});
