/** A namespace that is deleted goes, with everything in it, though the operator has gone before: nothing here has a finalizer. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { applyIn, helm, kubectl } from './support/kubectl.ts';
import { ensureLake, lakeSecretObject, publish } from './support/lake.ts';
import { dataset, endpoint, mintedKey } from './support/resources.ts';

const doomed = 'doomed';
const inDoomed = (...args: readonly string[]): Promise<string> => kubectl('--namespace', doomed, ...args);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offloader-doomed-'));
  await ensureLake();
  await publish('gone', 's1', [['acme', '2026-05-30', 4]]);
});
afterAll(async () => {
  await kubectl('delete', 'namespace', doomed, '--ignore-not-found', '--wait=false');
  await kubectl('delete', 'clusterrole,clusterrolebinding', '--selector', `app.kubernetes.io/instance=${doomed}`);
  await rm(folder, { recursive: true });
});

test('a namespace with a release and its objects is gone within 60 s after its operator', async () => {
  const values = join(folder, 'values.yaml');
  await writeFile(values, await helm('get', 'values', 'offloader', '--output', 'yaml'));
  const own = ['--set', 'crds.enabled=false,gateway.replicas=1'];
  await helm('install', doomed, 'helm/offloader', '--namespace', doomed, '--create-namespace', '--values', values, ...own);
  await inDoomed('rollout', 'status', 'deployment/doomed-operator', '--timeout=240s');
  await applyIn(doomed, lakeSecretObject, dataset('gone'), endpoint('gone-daily', 'gone'), mintedKey('gone-key', ['gone_daily']));
  await inDoomed('wait', '--for=condition=Ready', 'dataset.offloader.dev/gone', 'apikey.offloader.dev/gone-key', '--timeout=240s');
  await inDoomed('scale', 'deployment/doomed-operator', '--replicas=0');
  await inDoomed('wait', '--for=delete', 'pod', '--selector', 'app.kubernetes.io/component=operator', '--timeout=240s');
  const from = performance.now();
  await kubectl('delete', 'namespace', doomed, '--wait=true', '--timeout=60s');
  process.stdout.write(`namespace with a release in it deleted after ${String(Math.round(performance.now() - from))} ms\n`);
  expect(await kubectl('get', 'namespace', doomed, '--ignore-not-found')).toBe('');
});
