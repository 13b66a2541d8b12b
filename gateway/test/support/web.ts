// A web server with TLS and an authority of its own, as a producer may run one: ETags, conditions and parts of files.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { Asked } from './stores.ts';

export type Web = {
  readonly url: string;
  readonly asked: Asked[];
  answer: (asked: Asked) => number | undefined;
  /** Whether it names versions, and gives parts, of what it serves. */
  knows: { etags: boolean; parts: boolean };
  put(key: string, bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
};

/** An authority, and a certificate of it for localhost. */
const certify = (folder: string): void => {
  const run = (line: string): unknown => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'ignore' });
  run('req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web-ca.key -out web-ca.crt -days 2 -subj /CN=tests');
  run(
    'req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web.key -out web.csr -subj /CN=localhost -addext subjectAltName=DNS:localhost',
  );
  run('x509 -req -in web.csr -CA web-ca.crt -CAkey web-ca.key -CAcreateserial -out web.crt -days 2 -copy_extensions copy');
};

const send = (bytes: Uint8Array, incoming: IncomingMessage, outgoing: ServerResponse, { etags, parts }: Web['knows']): unknown => {
  const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
  const { range, 'if-none-match': unless, 'if-match': only, 'if-range': of } = incoming.headers;
  if (etags) outgoing.setHeader('etag', etag);
  if (etags && unless === etag) return outgoing.writeHead(304).end();
  if (etags && only !== undefined && only !== etag) return outgoing.writeHead(412).end();
  const from = parts && range !== undefined && of === etag ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
  const part = Buffer.from(bytes.subarray(from));
  outgoing.setHeader('content-length', part.length);
  if (from > 0) outgoing.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
  return outgoing.writeHead(from > 0 ? 206 : 200).end(part);
};

/** Serves what is put there below `/lake/`. Its authority is trusted as one in NODE_EXTRA_CA_CERTS is. */
export const startWeb = async (folder: string): Promise<Web> => {
  certify(folder);
  const [key, cert, ca] = await Promise.all(['web.key', 'web.crt', 'web-ca.crt'].map(async (name) => readFile(join(folder, name), 'utf8')));
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, ca!]);
  const objects = new Map<string, Uint8Array>();
  const web = { asked: [] as Asked[], answer: (_asked: Asked): number | undefined => undefined, knows: { etags: true, parts: true } };
  const server = createServer({ key: key!, cert: cert! }, (incoming, outgoing) => {
    const asked: Asked = {
      path: `${incoming.method} ${incoming.url}`,
      authorization: incoming.headers.authorization,
      headers: incoming.headers,
    };
    web.asked.push(asked);
    const status = web.answer(asked);
    const bytes = objects.get(decodeURIComponent(new URL(incoming.url ?? '', 'https://localhost').pathname.replace('/lake/', '')));
    if (status !== undefined) outgoing.writeHead(status, status === 302 ? { location: '/lake/elsewhere' } : {}).end();
    else if (bytes === undefined) outgoing.writeHead(404).end();
    else send(bytes, incoming, outgoing, web.knows);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(web, {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    put: async (name: string, bytes: Uint8Array): Promise<void> => void objects.set(name, bytes),
    end: async () => {
      setDefaultCACertificates(before);
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
};
