// A web server with TLS and an authority of its own, as a producer may run one: ETags, conditions and parts of files.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { certify, trust } from './certificates.ts';
import type { Asked, Store } from './stores.ts';

export type Web = {
  readonly url: string;
  readonly asked: Asked[];
  /** As a Store's. */
  answer: Store['answer'];
  /** Whether it names versions, and gives parts, of what it serves. */
  knows: { etags: boolean; parts: boolean };
  put(key: string, bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
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

/** Serves what is put there below `/lake/`. This process trusts its authority. */
export const startWeb = async (folder: string): Promise<Web> => {
  const certificate = await certify(folder, ['localhost']);
  const forget = trust(certificate);
  const objects = new Map<string, Uint8Array>();
  const answer: Web['answer'] = () => undefined;
  const web = { asked: [] as Asked[], answer, knows: { etags: true, parts: true } };
  const reply = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const asked: Asked = {
      path: `${incoming.method} ${incoming.url}`,
      authorization: incoming.headers.authorization,
      headers: incoming.headers,
    };
    web.asked.push(asked);
    const status = await web.answer(asked);
    const bytes = objects.get(decodeURIComponent(new URL(incoming.url ?? '', 'https://localhost').pathname.replace('/lake/', '')));
    if (status !== undefined) outgoing.writeHead(status, status === 302 ? { location: '/lake/elsewhere' } : {}).end();
    else if (bytes === undefined) outgoing.writeHead(404).end();
    else send(bytes, incoming, outgoing, web.knows);
  };
  const server = createServer(certificate, (incoming, outgoing) => void reply(incoming, outgoing)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(web, {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    put: async (name: string, bytes: Uint8Array): Promise<void> => void objects.set(name, bytes),
    end: async () => {
      forget();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
};
