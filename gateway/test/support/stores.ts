// A real MinIO and a fake GCS of one test: from PATH, else built from their Go modules by e2e/cluster/tool (minutes the first time).
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join, relative } from 'node:path';
import { CreateBucketCommand, DeleteObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { until } from './gateway.ts';
import type { Lake } from './lake.ts';

const tool = new URL('../../../e2e/cluster/tool', import.meta.url).pathname;

/** The path of a store's binary. Undefined where it cannot be had, which in CI is an error. */
const findStore = (name: 'minio' | 'fake-gcs-server'): string | undefined => {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  const found = onPath.find((path) => existsSync(path));
  if (found !== undefined) return found;
  try {
    return execFileSync(tool, [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .split('\n')
      .at(-1);
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    process.stderr.write(`skipped: ${name} is not on PATH and could not be built from its Go module; is Go installed?\n`);
    return undefined;
  }
};
export const minio = findStore('minio');
export const fakeGcs = findStore('fake-gcs-server');

/** A port that nobody has, and that no connection is given until somebody listens at it: those come from 32768 on. */
export const freePort = async (): Promise<number> => {
  const port = randomInt(20_000, 32_000);
  const server = createServer().listen(port);
  const isFree = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!isFree) return freePort();
  server.close();
  await once(server, 'close');
  return port;
};

/** What a store was asked: method and path, and whose word came with it. */
export type Asked = { readonly path: string; readonly authorization: string | undefined; readonly headers: IncomingHttpHeaders };
export type Store = {
  readonly url: string;
  readonly asked: Asked[];
  /** What each request is answered with instead of by the store; undefined lets it through, now or when it resolves. */
  answer: (asked: Asked) => number | undefined | Promise<number | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
  /** When the store says that an object was written. */
  updatedAt(key: string): Promise<Date>;
  end(): Promise<void>;
};

/** Starts a store with the bucket `lake` behind a proxy that writes down what is asked. */
const start = async (
  binary: string,
  argsOf: (port: number, proxied: number) => readonly string[],
  probe: string,
  env: NodeJS.ProcessEnv,
  onwardPath: (path: string) => string = (path) => path,
) => {
  const port = await freePort();
  const store: Pick<Store, 'asked' | 'answer'> = { asked: [], answer: () => undefined };
  const forward = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<unknown> => {
    const { method, url = '', headers } = incoming;
    const asked = { path: `${method} ${url}`, authorization: headers.authorization, headers };
    store.asked.push(asked);
    const status = await store.answer(asked);
    if (status !== undefined) return outgoing.writeHead(status).end();
    const onward = request({ host: '127.0.0.1', port, method, path: onwardPath(url), headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    return incoming.pipe(onward);
  };
  const proxy = createServer((incoming, outgoing) => void forward(incoming, outgoing)).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const proxied = (proxy.address() as AddressInfo).port;
  const child = spawn(binary, argsOf(port, proxied), { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: 'ignore' });
  const direct = `http://127.0.0.1:${port}`;
  await until(async () =>
    fetch(`${direct}${probe}`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const end = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    proxy.closeAllConnections();
    proxy.close();
    await ended;
  };
  return Object.assign(store, { url: `http://127.0.0.1:${proxied}`, direct, end });
};

export const minioKeys = { accessKeyId: 'lake-reader', secretAccessKey: 'a-secret-of-the-tests' };

/** MinIO on a folder, for whoever has these keys. */
export const startMinio = async (folder: string, settings: NodeJS.ProcessEnv = {}, keys = minioKeys): Promise<Store> => {
  const env = { HOME: folder, MINIO_ROOT_USER: keys.accessKeyId, MINIO_ROOT_PASSWORD: keys.secretAccessKey, ...settings };
  const args = (port: number): readonly string[] => ['server', join(folder, 'data'), '--address', `127.0.0.1:${port}`, '--quiet'];
  const store = await start(minio!, args, '/minio/health/live', env);
  const client = new S3Client({ endpoint: store.direct, region: 'us-east-1', forcePathStyle: true, credentials: { ...keys } });
  await client.send(new CreateBucketCommand({ Bucket: 'lake' }));
  return Object.assign(store, {
    put: async (Key: string, Body: Uint8Array): Promise<void> =>
      void (await client.send(new PutObjectCommand({ Bucket: 'lake', Key, Body }))),
    remove: async (Key: string): Promise<void> => void (await client.send(new DeleteObjectCommand({ Bucket: 'lake', Key }))),
    updatedAt: async (Key: string): Promise<Date> => (await client.send(new HeadObjectCommand({ Bucket: 'lake', Key }))).LastModified!,
  });
};

/** GCS gives at most 1000 names at once, the fake one all of them unless it is asked. */
const inPages = (path: string): string => (/\/o\?(?!.*maxResults)/.test(path) ? `${path}&maxResults=1000` : path);

/** A fake GCS in memory. It takes every request, whoever asks. */
export const startGcs = async (): Promise<Store> => {
  const args = (port: number, proxied: number): readonly string[] =>
    `-scheme http -host 127.0.0.1 -port ${port} -backend memory -external-url http://127.0.0.1:${proxied}`.split(' ');
  const store = await start(fakeGcs!, args, '/_internal/healthcheck', {}, inPages);
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const answer = await fetch(`${store.direct}${path}`, init);
    if (!answer.ok) throw new Error(`the fake GCS answered ${answer.status}`);
    return answer;
  };
  const post = async (path: string, body: Uint8Array<ArrayBuffer> | string, type: string): Promise<void> =>
    void (await ask(path, { method: 'POST', body, headers: { 'content-type': type } }));
  const object = (key: string): string => `/storage/v1/b/lake/o/${encodeURIComponent(key)}`;
  await post('/storage/v1/b', JSON.stringify({ name: 'lake' }), 'application/json');
  return Object.assign(store, {
    put: async (key: string, bytes: Uint8Array): Promise<void> =>
      post(
        `/upload/storage/v1/b/lake/o?uploadType=media&name=${encodeURIComponent(key)}`,
        new Uint8Array(bytes),
        'application/octet-stream',
      ),
    remove: async (key: string): Promise<void> => void (await ask(object(key), { method: 'DELETE' })),
    updatedAt: async (key: string): Promise<Date> => new Date(((await (await ask(object(key))).json()) as { updated: string }).updated),
  });
};

/** Copies a lake below `visits/`, the manifest last, as a producer does it. */
export const uploadLake = async (lake: Lake, store: Store): Promise<void> => {
  const files = (await readdir(lake.folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.toSorted((a, b) => b.length - a.length))
    await store.put(`visits/${relative(lake.folder, file)}`, await readFile(file));
};
