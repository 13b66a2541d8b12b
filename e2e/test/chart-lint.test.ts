/** The chart as `ct lint` sees it, with every values file of its folder ci; and what these values give, as a real API server sees it. */
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeChart as suite, helm } from './support/chart.ts';
import { type ApiServer, startApiServer } from './support/parts.ts';

const run = promisify(execFile);
const root = new URL('../../', import.meta.url);
const at = (path: string): string => new URL(path, root).pathname;
const valuesFiles = readdirSync(at('helm/offloader/ci'));
/** What a program of e2e/cluster prints: where it has put what it built. The first time takes a while, which a hook may not. */
const built = (program: string, ...args: readonly string[]): string =>
  execFileSync(at(`e2e/cluster/${program}`), [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
const tools =
  helm === undefined ? undefined : { ct: built('tool', 'ct'), linters: built('chart-linters'), kubectl: join(built('build'), 'kubectl') };
const server = tools === undefined ? { unavailable: 'no Helm' } : await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

/** What `ct lint` says of this chart; its findings are the message of what it throws. */
const lint = async (chart: string): Promise<string> => {
  const { ct = '', linters = '' } = tools ?? {};
  const PATH = [dirname(helm ?? ''), linters, process.env['PATH']].join(delimiter);
  try {
    const args = ['lint', '--config', 'helm/ct/ct.yaml', '--charts', chart];
    return (await run(ct, args, { cwd: at('.'), env: { ...process.env, PATH } })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`${stdout}\n${stderr}`, { cause: error });
  }
};

suite('ct lint', () => {
  test('finds nothing in the chart, with any of its values files', async () => {
    const said = await lint('helm/offloader');
    for (const file of valuesFiles) expect(said).toContain(`Linting chart with values file "helm/offloader/ci/${file}"`);
    expect(valuesFiles.length).toBeGreaterThan(3);
    expect(said).toContain('All charts linted successfully');
  });

  describe('of a chart that somebody broke', () => {
    let chart = '';
    beforeAll(async () => {
      chart = join(await mkdtemp(join(tmpdir(), 'chart-')), 'offloader');
    });
    afterAll(async () => rm(dirname(chart), { recursive: true, force: true }));

    // By how far it came: what the programs say that it calls is lost at times, when they end at once.
    test.each([
      ['an unknown field of Chart.yaml', 'Chart.yaml', 'maintainer: somebody\n', []],
      ['a word that is no boolean', 'values.yaml', 'further: yes\n', []],
      ['a key that stands twice', 'values.yaml', 'gateway: {}\n', []],
      ['a value that the schema does not know', 'ci/own-values.yaml', 'gateways: 2\n', ['defaults', 'own']],
      ['a value of another type', 'ci/own-values.yaml', "gateway: { replicas: '2' }\n", ['defaults', 'own']],
      ['a template that does not end', 'templates/NOTES.txt', '{{ if true }}', ['defaults']],
    ])('does not pass %s', async (_, file, text, reached) => {
      await rm(chart, { recursive: true, force: true });
      await cp(at('helm/offloader'), chart, { recursive: true });
      for (const other of valuesFiles.filter((name) => name !== 'defaults-values.yaml')) await rm(join(chart, 'ci', other));
      await appendFile(join(chart, file), text);
      const said = await lint(chart).then(() => 'nothing', String);
      expect(said).toContain('failed linting charts');
      expect([...said.matchAll(/with values file ".*\/ci\/(\w+)-values.yaml"/g)].map(([, name]) => name)).toEqual(reached);
    });
  });
});

there('an API server, strict about every field', () => {
  const { kubeconfig, stop } = server as ApiServer;
  afterAll(stop);
  const kubectl = async (args: readonly string[], input = ''): Promise<string> => {
    const running = run(tools?.kubectl ?? '', ['--kubeconfig', kubeconfig, ...args], { maxBuffer: 16 * 2 ** 20 });
    running.child.stdin?.end(input);
    return (await running).stdout;
  };

  beforeAll(async () => {
    // No controller makes it; the chart's test is a pod.
    await kubectl(['create', 'serviceaccount', 'default']);
  });

  test('takes each kind by a client-side apply, which keeps all of it once more in an annotation of at most 262,144 bytes', async () => {
    const kinds = readdirSync(at('crds'));
    for (const file of kinds) expect([file, readFileSync(at(`crds/${file}`)).length < 200_000]).toEqual([file, true]);
    const said = await kubectl(['apply', '--filename', at('crds')]);
    expect(said.match(/customresourcedefinition\S+ created/g)).toHaveLength(3);
    const kept = '{.metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration}';
    expect((await kubectl(['get', 'crd', 'endpoints.offloader.dev', '--output', `jsonpath=${kept}`])).length).toBeGreaterThan(5_000);
  });

  test.each(valuesFiles)('takes what %s gives', async (file) => {
    // The kinds of Prometheus's operator are not there.
    const off = ['crds.enabled', 'serviceMonitor.enabled', 'prometheusRule.enabled'].flatMap((name) => ['--set', `${name}=false`]);
    const args = [
      'template',
      'offloader',
      at('helm/offloader'),
      '--namespace',
      'default',
      '--values',
      at(`helm/offloader/ci/${file}`),
      ...off,
    ];
    const { stdout } = await run(helm ?? '', args, { maxBuffer: 16 * 2 ** 20 });
    const said = await kubectl(['apply', '--dry-run=server', '--validate=strict', '--filename', '-'], stdout);
    expect(said).toMatch(/statefulset.apps\/offloader-gateway created \(server dry run\)/);
    expect(said).not.toContain('Warning');
  });
});
