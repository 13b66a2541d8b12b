// Google as a gateway meets it: storage and accounts under their own names, reached through a proxy, and a node's metadata server.
// Objects lie in a fake GCS; tokens are given out, checked and end here.
import { createVerify, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { certify, trust } from './certificates.ts';
import { startGcs, type Store } from './stores.ts';

export type Google = {
  readonly store: Store;
  /** With these a process finds its way here. */
  readonly environment: Record<'HTTPS_PROXY' | 'NO_PROXY' | 'GCE_METADATA_HOST' | 'NODE_EXTRA_CA_CERTS', string>;
  /** Who asked the storage, and for what; nobody is whoever came without a token. */
  readonly asked: { readonly who: string; readonly path: string }[];
  /** The tokens that somebody was given so far. */
  tokensOf(who: string): readonly string[];
  /** The key of a new account that may read what lies below its name in the bucket. */
  account(name: string): string;
  end(): Promise<void>;
};

/** A token ends after so many requests; whoever holds on to it is refused. */
const usesOfToken = 3;
/** Anything under five minutes has the SDK ask anew each time. */
const endsInSeconds = 60;
/** Whom the metadata server speaks for, and who comes without a token. */
export const workload = 'workload';
export const nobody = 'nobody';

const json = (outgoing: ServerResponse, status: number, body: unknown): unknown =>
  outgoing.writeHead(status, { 'content-type': 'application/json', 'metadata-flavor': 'Google' }).end(JSON.stringify(body));

export const startGoogle = async (folder: string): Promise<Google> => {
  const store = await startGcs();
  const certificate = await certify(folder, ['storage.googleapis.com', 'oauth2.googleapis.com']);
  const forget = trust(certificate);
  const accounts = new Map<string, string>();
  const tokens = new Map<string, { readonly who: string; uses: number }>();
  const asked: { who: string; path: string }[] = [];
  const give = (who: string) => {
    const token = `token-${tokens.size}-of-${who}`;
    tokens.set(token, { who, uses: 0 });
    return { access_token: token, expires_in: endsInSeconds, token_type: 'Bearer' };
  };

  const giveToAccount = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<unknown> => {
    const assertion = new URLSearchParams(await text(incoming)).get('assertion') ?? '';
    const [head = '', body = '', signature = ''] = assertion.split('.');
    const { iss } = JSON.parse(Buffer.from(body, 'base64url').toString()) as { iss: string };
    const isSigned = createVerify('RSA-SHA256')
      .update(`${head}.${body}`)
      .verify(accounts.get(iss) ?? '', signature, 'base64url');
    return isSigned ? json(outgoing, 200, give(iss.replace(/@.*/, ''))) : json(outgoing, 400, { error: 'invalid_grant' });
  };

  const serve = (incoming: IncomingMessage, outgoing: ServerResponse): unknown => {
    const { method, url = '', headers } = incoming;
    const held = headers.authorization === undefined ? { who: nobody, uses: 0 } : tokens.get(headers.authorization.replace('Bearer ', ''));
    asked.push({ who: held?.who ?? 'a stranger', path: `${method} ${decodeURIComponent(url)}` });
    if (held === undefined || held.uses >= usesOfToken) return json(outgoing, 401, { error: { code: 401 } });
    held.uses += held.who === nobody ? 0 : 1;
    const isOwn = decodeURIComponent(url).startsWith(`/storage/v1/b/lake/o/${held.who}/`);
    if (!isOwn) return json(outgoing, 403, { error: { code: 403 } });
    const onward = request(
      new URL(url, store.url),
      { method: method ?? 'GET', headers: { ...headers, host: new URL(store.url).host } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(outgoing);
      },
    );
    return incoming.pipe(onward);
  };

  const tls = createTlsServer(certificate, (incoming, outgoing) => {
    if (incoming.headers.host === 'oauth2.googleapis.com') void giveToAccount(incoming, outgoing);
    else serve(incoming, outgoing);
  });
  const metadata = createServer((incoming, outgoing) => {
    const isToken = incoming.url?.startsWith('/computeMetadata/v1/instance/service-accounts/default/token') === true;
    json(outgoing, isToken || incoming.url === '/computeMetadata/v1/instance' ? 200 : 404, isToken ? give(workload) : {});
  });
  const sockets = new Set<Socket>();
  const proxy = createServer().on('connect', (_request: IncomingMessage, incoming: Socket) => {
    const onward = connect((tls.address() as AddressInfo).port, '127.0.0.1');
    for (const socket of [incoming, onward]) sockets.add(socket.on('error', () => socket.destroy()));
    incoming.write('HTTP/1.1 200 OK\r\n\r\n');
    incoming.pipe(onward).pipe(incoming);
  });
  const servers = [tls, metadata, proxy];
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const place = (server: (typeof servers)[number]): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    store,
    environment: {
      HTTPS_PROXY: `http://${place(proxy)}`,
      NO_PROXY: '127.0.0.1,localhost',
      GCE_METADATA_HOST: place(metadata),
      NODE_EXTRA_CA_CERTS: certificate.caFile,
    },
    asked,
    tokensOf: (who) => [...tokens].filter(([, token]) => token.who === who).map(([token]) => token),
    account: (name) => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
        publicKeyEncoding: { type: 'spki', format: 'pem' },
      });
      accounts.set(`${name}@tests`, publicKey);
      return JSON.stringify({ type: 'service_account', client_email: `${name}@tests`, private_key: privateKey, project_id: 'tests' });
    },
    end: async () => {
      forget();
      for (const socket of sockets) socket.destroy();
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      await store.end();
    },
  };
};
