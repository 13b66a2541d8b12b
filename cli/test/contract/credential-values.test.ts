/**
 * The contract's sentence on credential values. A gateway process reads from a real MinIO and a fake GCS behind Google's own names with
 * values full of quotes, backslashes and line breaks: good ones, wrong ones, and ones that nothing can be made of. Whatever it says
 * anywhere is searched for them. In a cluster the operator handles the same values: e2e/test/configuration.test.ts.
 */
import type { Dirent } from 'node:fs';
import { readdir, readFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { openBundle } from '../opened-bundle.ts';
import { offloader } from '../run-offloader.ts';
import { adminToken, newFolder, serve, until } from '../served.ts';
import type { Served } from '../served.ts';

// By URL: tsc cannot rewrite a path into another project.
const from = (path: string): Promise<any> => import(new URL(`../../../gateway/test/support/${path}`, import.meta.url).href);
const [stores, { startGoogle }, { createLake, visits }, gatewaySupport] = await Promise.all(['stores.ts', 'google.ts', 'lake.ts', 'gateway.ts'].map(from)); // prettier-ignore
const { apiKey, endpoint, visitsDataset } = gatewaySupport;
const suite = stores.minio === undefined || stores.fakeGcs === undefined ? describe.skip : describe;

/** In every value, and unlike anything else that is said; letters alone, so that no encoding but base64 hides it. */
const canary = 'cnryqzx';
const odd = (name: string): string => `${name} ${canary} ' '' " \\ \\" \\' \`${canary}\` \${HOME} %s %27 ;--\n{"${canary}": '${canary}'}`;
const keys = { accessKeyId: `reader'"${canary}\\`, secretAccessKey: odd('secret') };
/** The canary as it stands in base64, wherever its bytes begin. */
const encoded = [0, 1, 2].map((at) =>
  Buffer.from('x'.repeat(at) + canary)
    .toString('base64')
    .slice(Math.ceil((at * 8) / 6), Math.floor(((at + canary.length) * 8) / 6)),
);

let folder: string;
let s3: any;
let google: any;
let lake: any;
let gateway: Served;

const sources = (): Readonly<Record<string, { url: string; secret: Record<string, string>; code: string | null }>> => ({
  good: { url: 's3://lake/good/', secret: keys, code: null },
  alice: { url: 'gs://lake/alice/', secret: { serviceAccountJson: google.account('alice').replace('"tests"', JSON.stringify(`project ' " \\ ${canary}`)) }, code: null }, // prettier-ignore
  'wrong-secret': { url: 's3://lake/good/', secret: { ...keys, secretAccessKey: odd('wrong') }, code: 'source_credentials_rejected' },
  'wrong-key': { url: 's3://lake/good/', secret: { ...keys, accessKeyId: `${canary}'"` }, code: 'source_credentials_rejected' },
  'key-of-lines': { url: 's3://lake/good/', secret: { ...keys, accessKeyId: odd('key') }, code: 'source_failed' },
  'token-of-lines': { url: 's3://lake/good/', secret: { ...keys, sessionToken: odd('token') }, code: 'source_failed' },
  'no-secret-key': { url: 's3://lake/good/', secret: { accessKeyId: keys.accessKeyId }, code: 'source_credentials_missing' },
  'no-json': { url: 'gs://lake/alice/', secret: { serviceAccountJson: `{"private_key": ${odd('json')}` }, code: 'source_credentials_rejected' },
  'no-account': { url: 'gs://lake/alice/', secret: { serviceAccountJson: JSON.stringify(odd('text')) }, code: 'source_failed' },
  'no-pem': { url: 'gs://lake/alice/', secret: { serviceAccountJson: JSON.stringify({ type: 'service_account', client_email: `${canary}@'"`, private_key: odd('pem') }) }, code: 'source_credentials_rejected' },
  stranger: { url: 'gs://lake/alice/', secret: { serviceAccountJson: google.account(`bob-${canary}`).replace(`bob-${canary}@`, `eve-${canary}'"@`) }, code: 'source_credentials_rejected' },
}); // prettier-ignore
const report = async (): Promise<any> =>
  (await fetch(`${gateway.admin}/diagnostics`, { headers: { authorization: `Bearer ${adminToken}` } })).json();

/** What a text gives away. */
const leaks = (text: string): readonly string[] => [
  ...(text.toLowerCase().includes(canary) ? [canary] : []),
  ...encoded.filter((part) => text.includes(part)),
];

describe('Credential values never appear in logs, errors, diagnostics, crash output; quotes in values are escaped.', () => {
  suite('of a gateway by itself', () => {
    beforeAll(async () => {
    folder = await newFolder();
    [s3, google, lake] = [await stores.startMinio(folder, {}, keys), await startGoogle(folder), await createLake()];
    await lake.publish('a1', visits(1));
    for (const [name, put] of [['good', s3.put], ['alice', google.store.put]] as const) {
      await put(`${name}/snapshots/a1/part-0.parquet`, await readFile(lake.fileOf('a1')));
      await put(`${name}/manifest.json`, Buffer.from(JSON.stringify({ ...(await lake.readManifest()), dataset_id: name })));
    }
    const resources = Object.entries(sources()).flatMap(([name, { url }]) => {
      const s3Of = url.startsWith('s3:') ? { s3: { endpoint: s3.url, region: 'us-east-1', forcePathStyle: true } } : {};
      const source = { manifest: { url: `${url}manifest.json` }, interval: '1s', credentialsSecretRef: { name: `of-${name}` }, ...s3Of };
      const modes = ['LocalTable', 'RemoteScan'].map((servingMode) => endpoint(`${name}_${servingMode.toLowerCase()}`.replaceAll('-', '_'), { datasetRef: { name }, servingMode }));
      return [{ ...visitsDataset('', { source }), metadata: { name } }, ...modes];
    });
    await mkdir(join(folder, 'config'));
    await writeFile(join(folder, 'config', 'all.yaml'), [...resources, apiKey('acme')].map((one) => stringify(one)).join('---\n'));
    for (const [name, { secret }] of Object.entries(sources())) {
      await mkdir(join(folder, 'secrets', `of-${name}`), { recursive: true });
      for (const [key, value] of Object.entries(secret)) await writeFile(join(folder, 'secrets', `of-${name}`, key), value);
    }
    // At a signal it breaks as a bug in an SDK would break it: with all that the request held.
    await writeFile(join(folder, 'bug.mjs'), `process.on('SIGUSR2', () => {
      const secret = ${JSON.stringify(keys.secretAccessKey)};
      void Promise.reject(Object.assign(new Error('GET failed: authorization ' + secret + '\\n    at ' + secret), { secret, config: { headers: { secret } }, cause: new Error(secret) }));
    });\n`);
    gateway = (await serve(join(folder, 'config'), join(folder, 'cache'), {
      ...google.environment,
      OFFLOADER_SECRETS_DIR: join(folder, 'secrets'),
      OFFLOADER_LOG_LEVEL: 'debug',
      NODE_OPTIONS: `--import ${join(folder, 'bug.mjs')}`,
    })) as Served;
    await until('an attempt of every dataset', async () => (await report()).datasets.every((one: any) => one.last_attempted !== null));
  }); // prettier-ignore
    afterAll(async () => {
      await gateway.stop();
      for (const one of [s3, google]) await one.end();
      await lake.remove();
      await rm(folder, { recursive: true, force: true });
    });

    test('good ones are read as they are, whatever stands in them', async () => {
      for (const name of ['good', 'alice'])
        for (const mode of ['localtable', 'remotescan']) {
          const answer = await fetch(`${gateway.api}/v1/endpoints/${name}_${mode}`, { headers: { authorization: 'Bearer acme-token' } });
          expect([name, mode, answer.status]).toEqual([name, mode, 200]);
        }
    });

    test('others are told apart by a code, without a word of them', async () => {
      const codes = (await report()).datasets.map((one: any) => [one.dataset, one.refresh_error?.code ?? null]);
      expect(Object.fromEntries(codes)).toEqual(Object.fromEntries(Object.entries(sources()).map(([name, { code }]) => [name, code])));
    });

    test.each<[string, () => Promise<string>]>([
    ['/diagnostics', async () => JSON.stringify(await report())],
    ...['/metrics', '/', '/docs', '/openapi.json', '/schema', '/status', '/ready'].map((path): [string, () => Promise<string>] => [path, async () => (await fetch(`${gateway.admin}${path}`)).text()]),
    ['answers', async () => {
      const names = Object.keys(sources()).map((name) => `${name.replaceAll('-', '_')}_localtable`);
      return (await Promise.all(names.map(async (name) => (await fetch(`${gateway.api}/v1/endpoints/${name}`, { headers: { authorization: 'Bearer acme-token' } })).text()))).join('\n');
    }],
    ['the cache volume', async () => {
      // What is renamed or removed meanwhile is there under its other name, or is no more; a folder that goes ends the listing.
      const list = async (): Promise<readonly Dirent[]> => readdir(join(folder, 'cache'), { recursive: true, withFileTypes: true });
      let all: readonly Dirent[] = [];
      await until('a listing of the volume', async () => (all = await list()).length > 0);
      const entries = all.filter((entry) => entry.isFile());
      const read = async (path: string): Promise<string> =>
        readFile(path, 'latin1').catch((error: unknown) => ((error as { code?: unknown }).code === 'ENOENT' ? '' : Promise.reject(error as Error)));
      return (await Promise.all(entries.map(async ({ parentPath, name }) => `${name} ${await read(join(parentPath, name))}`))).join('\n');
    }],
    ['triage and snapshot status', async () => {
      const admin = ['--admin-url', gateway.admin, '--admin-token', adminToken];
      const ran = await Promise.all([['triage'], ['snapshot', 'status']].map(async (command) => offloader([...command, ...admin])));
      expect(ran.map(({ code }) => code)).toEqual([1, 0]);
      return JSON.stringify(ran);
    }],
    ['the support bundle', async () => {
      const out = join(folder, 'bundle.tar.gz');
      const ran = await offloader(['support-bundle', '--config', join(folder, 'config'), '--admin-url', gateway.admin, '--admin-token', adminToken, '--out', out]);
      expect(ran.code).toBe(0);
      return [JSON.stringify(ran), ...[...(await openBundle(out)).files].flat()].join('\n');
    }],
  ])('nothing of them in %s', async (_what, read) => {
    const text = await read();
    expect([text.length > 10, leaks(text)]).toEqual([true, []]);
  }); // prettier-ignore

    test('nothing of them in the log, nor in the last words of a process that an SDK has broken', async () => {
      expect(gateway.log()).toContain('source_credentials_rejected');
      expect(leaks(gateway.log())).toEqual([]);
      process.kill(gateway.pid, 'SIGUSR2');
      expect(await gateway.ended).toBe(1);
      expect(gateway.log()).toContain('uncaught Error');
      expect(leaks(gateway.log())).toEqual([]);
    });

    test('what is searched for would be found', () => {
    const { secretAccessKey: value } = keys;
    const forms = [value, JSON.stringify(value), encodeURIComponent(value), ...['', 'x', 'xx'].map((before) => Buffer.from(before + value).toString('base64'))];
    expect(forms.map((form) => leaks(form).length > 0)).toEqual(forms.map(() => true));
  }); // prettier-ignore
  });
});
