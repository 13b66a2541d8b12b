// The contract's "Sources, URLs, credentials", as far as it speaks of who asks: one whole gateway reads from a real MinIO, a fake GCS behind
// Google's own names and a web server, as nine different readers. Each test bears the sentence it proves.
import dns from 'node:dns';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStore } from '../../src/object-store/open.ts';
import { apiKey, endpoint, startWorld, until, visitsDataset, type World } from '../support/gateway.ts';
import { type Google, nobody, startGoogle, workload } from '../support/google.ts';
import { type Issuer, startIssuer } from '../support/issuer.ts';
import { createLake, datasetOf, type Lake, visits } from '../support/lake.ts';
import { type Asked, fakeGcs, minio, minioKeys, startMinio, type Store } from '../support/stores.ts';
import { startWeb, type Web } from '../support/web.ts';

const suite = minio === undefined || fakeGcs === undefined ? describe.skip : describe;
const { signal } = new AbortController();
const sourcesFolder = new URL('../../src/object-store/', import.meta.url).pathname;

let folder: string;
let lake: Lake;
let s3: Store;
let google: Google;
let web: Web;
let issuer: Issuer;
let world: World;
const tokens = new Map<string, string>();
let serial = 0;

/** The datasets, and whom their sources are asked by. Each has a folder of its name. */
const readers = {
  keys: 's3://lake/keys/',
  session: 's3://lake/session/',
  role: 's3://lake/role/',
  public: 's3://lake/public/',
  alice: 'gs://lake/alice/',
  bob: 'gs://lake/bob/',
  [workload]: `gs://lake/${workload}/`,
  [nobody]: `gs://lake/${nobody}/`,
  web: 'https:',
} as const;
type Reader = keyof typeof readers;
const names = Object.keys(readers) as readonly Reader[];
const withSecret: readonly Reader[] = ['keys', 'session', 'alice', 'bob'];
const open: readonly Reader[] = ['public', nobody];

const urlOf = (name: Reader): string => (name === 'web' ? `${web.url}/lake/web/` : readers[name]);
const storeOf = (name: Reader): Pick<Store, 'put' | 'asked'> =>
  readers[name].startsWith('s3:') ? s3 : readers[name].startsWith('gs:') ? google.store : web;
const resources = (): readonly unknown[] => [
  ...names.flatMap((name) => {
    const source = {
      manifest: { url: `${urlOf(name)}manifest.json` },
      interval: '1s',
      ...(readers[name].startsWith('s3:') ? { s3: { endpoint: s3.url, region: 'eu-central-1', forcePathStyle: true } } : {}),
      ...(withSecret.includes(name) ? { credentialsSecretRef: { name: `secret-of-${name}` } } : {}),
      ...(open.includes(name) ? { anonymous: true } : {}),
    };
    const annotations = tokens.has(name) ? { 'offloader.dev/refresh-requested-at': tokens.get(name) } : {};
    return [{ ...visitsDataset('', { source }), metadata: { name, annotations } }, endpoint(name, { datasetRef: { name } })];
  }),
  apiKey('acme'),
];

/** Publishes snapshot `s<n>` in the folders of some. */
const publish = async (n: number, some: readonly Reader[]): Promise<void> => {
  await lake.publish(`s${n}`, visits(n));
  const [manifest, bytes] = [await lake.readManifest(), await readFile(lake.fileOf(`s${n}`))];
  for (const name of some) {
    await storeOf(name).put(`${name}/snapshots/s${n}/part-0.parquet`, bytes);
    await storeOf(name).put(`${name}/manifest.json`, Buffer.from(JSON.stringify({ ...manifest, dataset_id: name })));
  }
};
const report = async (name: Reader): Promise<any> =>
  ((await (await world.admin('/diagnostics', 'admin-token')).json()) as any).datasets.find((one: any) => one.dataset === name);
const serves = (name: Reader, n: number) => async (): Promise<boolean> => (await report(name)).active_snapshot?.snapshot_id === `s${n}`;
const force = async (name: Reader): Promise<void> => {
  const token = String((serial += 1));
  tokens.set(name, token);
  await world.write(resources());
  await until(async () => (await report(name)).refreshed === token);
};
const failures = (name: Reader): number =>
  world.observed.filter((event) => event.kind === 'refresh_ended' && event.dataset === name && event.status === 'failed').length;
const keyOf = ({ authorization = '' }: Asked): string => /Credential=([^/]+)\//.exec(authorization)?.[1] ?? nobody;
const askedFor = (name: Reader): readonly Asked[] =>
  storeOf(name).asked.filter(({ path }) => decodeURIComponent(path).includes(`/${name}/`));
const keepSecret = async (name: Reader, held: Record<string, string>): Promise<void> => {
  const place = join(folder, 'secrets', `secret-of-${name}`);
  await mkdir(place, { recursive: true });
  for (const [key, value] of Object.entries(held)) await writeFile(join(place, key), value);
};

/** Objects below `public/` may be read by everybody. */
const openPublic = async (): Promise<void> => {
  const client = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials: { ...minioKeys } });
  const Statement = [{ Effect: 'Allow', Principal: '*', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::lake/public/*'] }];
  await client.send(new PutBucketPolicyCommand({ Bucket: 'lake', Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }));
  client.destroy();
};

suite('credentials', () => {
  const changed: string[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-credentials-'));
    issuer = await startIssuer();
    [lake, google, web] = [await createLake(), await startGoogle(folder), await startWeb(folder)];
    s3 = await startMinio(folder, issuer.minio);
    issuer.minioUrl = s3.url;
    await openPublic();
    await keepSecret('keys', minioKeys);
    await keepSecret('session', await issuer.session(s3.url, 'session/'));
    for (const name of ['alice', 'bob'] as const) await keepSecret(name, { serviceAccountJson: google.account(name) });
    await writeFile(join(folder, 'token'), issuer.token('first'));
    const { NODE_EXTRA_CA_CERTS: _trusted, ...environment } = google.environment;
    const role = {
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/reader',
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
      AWS_ENDPOINT_URL_STS: issuer.sts,
    };
    for (const [name, value] of Object.entries({ ...environment, ...role })) {
      changed.push(name);
      process.env[name] = value;
    }
    await publish(1, names);
    world = await startWorld(resources(), { OFFLOADER_SECRETS_DIR: join(folder, 'secrets') });
  });
  afterAll(async () => {
    await world.end();
    for (const name of changed) Reflect.deleteProperty(process.env, name);
    for (const one of [web, google, s3, issuer]) await one.end();
    await lake.remove();
    await rm(folder, { recursive: true, force: true });
  });

  describe("Credentials per dataset: a Secret (access key and secret, optional session token, region, endpoint, path style; or a GCP service-account JSON, or HMAC), else the SDK's own chain (IRSA, workload identity), or `anonymous: true`.", () => {
    test.each([
      ['a Secret with access key and secret', 'keys', () => [minioKeys.accessKeyId]],
      ["the pod's role: a web identity token is exchanged for keys", 'role', null],
      ['nobody, at S3', 'public', () => [nobody]],
    ] as const)('%s', async (_what, name, keys) => {
      await until(serves(name, 1));
      const used = [
        ...new Set(
          askedFor(name)
            .filter(({ path }) => path.startsWith('GET'))
            .map(keyOf),
        ),
      ];
      if (keys !== null) expect(used).toEqual(keys());
      else expect([used.includes(nobody), used.includes(minioKeys.accessKeyId), issuer.asked.length > 0]).toEqual([false, false, true]);
      expect((await world.get(`/v1/endpoints/${name}`, 'acme-token')).status).toBe(200);
    });

    test('a session token goes with its keys, which without it are refused', async () => {
      await s3.put('apart/manifest.json', Buffer.from('{}'));
      const held = await issuer.session(s3.url, 'apart/');
      const { sessionToken, ...without } = held;
      const { source } = datasetOf('s3://lake/apart/manifest.json', {
        source: {
          manifest: { url: 's3://lake/apart/manifest.json' },
          credentialsSecretRef: { name: 'x' },
          s3: { endpoint: s3.url, forcePathStyle: true },
        },
      });
      expect(await openStore(source, held).read('s3://lake/apart/manifest.json', null, signal)).toMatchObject({ ok: true });
      const asked = s3.asked.findLast(({ path }) => path.includes('/apart/'));
      expect(asked?.headers['x-amz-security-token']).toBe(sessionToken);
      expect(await openStore(source, without).read('s3://lake/apart/manifest.json', null, signal)).toMatchObject({
        error: { code: 'source_credentials_rejected' },
      });
    });

    test('the region is signed for, and with and without path style the bucket stands where the store looks for it', async () => {
      await until(serves('keys', 1));
      expect(askedFor('keys').find(({ path }) => path.startsWith('GET'))?.authorization).toContain('/eu-central-1/s3/aws4_request');
      // Nowhere but here is there such a host.
      const lookup = dns.lookup;
      const asked: string[] = [];
      dns.lookup = ((host: string, options: unknown, found: (error: null, ...address: unknown[]) => void) => {
        asked.push(host);
        found(null, ...((options as { all?: boolean }).all === true ? [[{ address: '127.0.0.1', family: 4 }]] : ['127.0.0.1', 4]));
      }) as typeof dns.lookup;
      const { port } = new URL(s3.url);
      for (const [forcePathStyle, host] of [[true, 'store.test'], [false, 'lake.store.test']] as const) {
        const s3Of = { endpoint: `http://store.test:${port}`, forcePathStyle };
        const { source } = datasetOf('s3://lake/m', { source: { manifest: { url: 's3://lake/m' }, credentialsSecretRef: { name: 'x' }, s3: s3Of } });
        const before = s3.asked.length;
        await openStore(source, minioKeys).read('s3://lake/m', null, signal);
        // The gateway asks for manifests all the time.
        const paths = s3.asked.slice(before).map(({ path }) => path.split('?')[0]!);
        expect([asked.includes(host), paths.filter((path) => path.endsWith('/m'))]).toEqual([true, [forcePathStyle ? 'GET /lake/m' : 'GET /m']]);
      }
      dns.lookup = lookup;
    }); // prettier-ignore

    test.each([
      ['a service account, by its JSON', 'alice'],
      ['another service account', 'bob'],
      ['the workload identity of the pod', workload],
      ['nobody, at GCS', nobody],
    ] as const)('%s', async (_what, name) => {
      await until(serves(name, 1));
      expect([...new Set(google.asked.filter(({ path }) => path.includes(`/o/${name}/`)).map(({ who }) => who))]).toEqual([name]);
    });

    test('HMAC keys, which speak the dialect of S3 to GCS', async () => {
      process.env['STORAGE_EMULATOR_HOST'] = s3.url;
      const { source } = datasetOf('gs://lake/keys/manifest.json', {
        source: { manifest: { url: 'gs://lake/keys/manifest.json' }, credentialsSecretRef: { name: 'x' } },
      });
      const open = (hmacSecret: string) => openStore(source, { hmacAccessId: minioKeys.accessKeyId, hmacSecret });
      const read = await open(minioKeys.secretAccessKey).read('gs://lake/keys/manifest.json', null, signal);
      const listed = await open(minioKeys.secretAccessKey).list('gs://lake/keys/', signal);
      const refused = await open('another').read('gs://lake/keys/manifest.json', null, signal);
      delete process.env['STORAGE_EMULATOR_HOST'];
      expect(read).toMatchObject({ ok: true, value: { kind: 'read' } });
      expect(listed.ok && listed.value.map(({ url }) => url)).toContain('gs://lake/keys/manifest.json');
      expect(refused).toMatchObject({ error: { code: 'source_credentials_rejected' } });
    });
  });

  test('Different datasets may use different clouds and keys in one gateway.', async () => {
    for (const name of names) await until(serves(name, 1));
    // Each folder was asked for by its own reader alone; the stores let nobody else in.
    const session = await readFile(join(folder, 'secrets', 'secret-of-session', 'accessKeyId'), 'utf8');
    const s3Readers = (name: Reader) =>
      new Set(
        askedFor(name)
          .filter(({ path }) => path.startsWith('GET'))
          .map(keyOf),
      );
    expect([...s3Readers('keys')]).toEqual([minioKeys.accessKeyId]);
    expect([...s3Readers('session')]).toEqual([session]);
    expect([...s3Readers('public')]).toEqual([nobody]);
    expect([...s3Readers('role')].filter((key) => [minioKeys.accessKeyId, session, nobody].includes(key))).toEqual([]);
    expect(google.asked.filter(({ who, path }) => !path.includes(`/o/${who}/`))).toEqual([]);
    expect(web.asked.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  describe('Anonymous mode sends no Authorization header; 401/403 is surfaced, not retried.', () => {
    const anonymous = [...open, 'web'] as const;
    test.each(anonymous)('%s: no header, and a refusal costs one request', async (name) => {
      await until(serves(name, 1));
      const isRead = ({ path, authorization }: Asked): boolean => path.startsWith('GET') && decodeURIComponent(path).includes(`/${name}/`) && authorization === undefined;
      const store = name === 'web' ? web : name === 'public' ? s3 : google.store;
      for (const status of [401, 403]) {
        let refused = 0;
        const before = failures(name);
        store.answer = (asked) => {
          if (!isRead(asked)) return undefined;
          refused += 1;
          return status;
        };
        await force(name);
        store.answer = () => undefined;
        expect([refused, (await report(name)).refresh_error]).toEqual([failures(name) - before, expect.objectContaining({ code: 'source_credentials_rejected', owner: 'Environment' })]);
        expect((await world.get(`/v1/endpoints/${name}`, 'acme-token')).status).toBe(200);
      }
      const asked = askedFor(name).filter(({ path }) => path.startsWith('GET'));
      expect(asked.filter(({ headers }) => Object.keys(headers).some((header) => /authorization|security-token|cookie|api-key/.test(header)))).toEqual([]);
      await force(name);
    }); // prettier-ignore
  });

  test('a web server that leads elsewhere is not followed; what is served stays', async () => {
    await until(serves('web', 1));
    web.answer = ({ path }) => (path === 'GET /lake/web/manifest.json' ? 302 : undefined);
    await force('web');
    expect(await report('web')).toMatchObject({ active_snapshot: { snapshot_id: 's1' }, refresh_error: { code: 'root_not_allowed' } });
    expect(web.asked.filter(({ path }) => path.includes('elsewhere'))).toEqual([]);
    web.answer = () => undefined;
    await force('web');
  });

  test('S3 through @aws-sdk/client-s3 and GCS through @google-cloud/storage, never hand-made signing.', async () => {
    const sources = await Promise.all((await readdir(sourcesFolder)).map(async (name) => [name, await readFile(join(sourcesFolder, name), 'utf8')] as const));
    const using = (word: RegExp) => sources.filter(([, text]) => word.test(text)).map(([name]) => name);
    expect([using(/from '@aws-sdk\/client-s3'/), using(/from '@google-cloud\/storage'/)]).toEqual([['s3.ts'], ['gcs.ts']]);
    expect(using(/from 'node:crypto'|createHmac|createSign|aws4_request|[Aa]uthorization\b['"]?\]?\s*[:=]/)).toEqual([]);
    const agents = (asked: readonly Asked[]) => [...new Set(asked.map(({ headers }) => headers['user-agent']?.replace(/\/.*/, '')))];
    expect(agents(s3.asked.filter(({ path }) => path.startsWith('GET')))).toEqual(['aws-sdk-js']);
    expect(agents(google.store.asked)).toEqual(['google-api-nodejs-client']);
  }); // prettier-ignore

  describe('Expiring credentials renew.', () => {
    test('those of a role, of a service account and of a workload identity', async () => {
      const some = ['role', 'alice', workload] as const;
      for (const name of some) await until(serves(name, 1));
      const before = some.map(failures);
      const uses = new Map<string, number>();
      // Google's tokens end after as many uses.
      s3.answer = (asked) => {
        if (!asked.path.includes('/role/') || asked.path.startsWith('PUT')) return undefined;
        uses.set(keyOf(asked), (uses.get(keyOf(asked)) ?? 0) + 1);
        return uses.get(keyOf(asked))! > 3 ? 403 : undefined;
      };
      // At once, as a kubelet does it.
      await writeFile(join(folder, 'token.next'), issuer.token('second'));
      await rename(join(folder, 'token.next'), join(folder, 'token'));
      for (const n of [2, 3, 4]) {
        await publish(n, some);
        for (const name of some) await until(serves(name, n));
      }
      s3.answer = () => undefined;
      expect(some.map(failures)).toEqual(before);
      expect(uses.size).toBeGreaterThan(2);
      for (const who of ['alice', workload]) expect(google.tokensOf(who).length).toBeGreaterThan(2);
      expect(new Set(issuer.asked).size).toBe(2);
    });

    test('and those of a Secret when it is renewed, without a restart', async () => {
      const held = await issuer.session(s3.url, 'session/');
      const old = await readFile(join(folder, 'secrets', 'secret-of-session', 'accessKeyId'), 'utf8');
      s3.answer = (asked) => (keyOf(asked) === old ? 403 : undefined);
      await publish(5, ['session']);
      await keepSecret('session', held);
      await until(serves('session', 5));
      expect(keyOf(askedFor('session').findLast(({ path }) => path.startsWith('GET'))!)).toBe(held.accessKeyId);
      s3.answer = () => undefined;
    });
  });
});
