// An issuer of identity tokens, as a cluster has one for its service accounts, and what MinIO gives for them: keys that end.
import { createSign, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SourceCredentials } from '@offloader/contract';

export type Issuer = {
  /** With these settings MinIO believes the issuer. */
  readonly minio: Record<string, string>;
  /** A token for whoever may read. */
  token(subject: string): string;
  /** Takes the questions of the AWS SDK and passes them on to MinIO, with keys that are told to end soon. */
  sts: string;
  /** Tokens that keys were asked for with. */
  readonly asked: string[];
  /** Keys for a prefix of the bucket `lake`. */
  session(minioUrl: string, prefix: string): Promise<Required<Pick<SourceCredentials, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>>>;
  /** Where MinIO is, once it runs. */
  minioUrl: string;
  end(): Promise<void>;
};

const audience = 'offloader';
const textOf = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};
/** Anything under five minutes has the SDK ask anew each time. */
const soon = (): string => new Date(Date.now() + 60_000).toISOString();

export const startIssuer = async (): Promise<Issuer> => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' };
  const encoded = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const token = (sub: string): string => {
    const claims = { iss: url(), aud: audience, sub, exp: Math.floor(Date.now() / 1000) + 3600, policy: 'readonly' };
    const signed = `${encoded({ alg: 'RS256', typ: 'JWT', kid: 'one' })}.${encoded(claims)}`;
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`;
  };
  const askMinio = async (minioUrl: string, form: Record<string, string>): Promise<Response> =>
    fetch(minioUrl, {
      method: 'POST',
      body: new URLSearchParams({ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', DurationSeconds: '900', ...form }),
    });
  const documents: Readonly<Record<string, () => unknown>> = {
    '/.well-known/openid-configuration': () => ({
      issuer: url(),
      jwks_uri: `${url()}/keys`,
      authorization_endpoint: `${url()}/none`,
      token_endpoint: `${url()}/none`,
      userinfo_endpoint: `${url()}/none`,
    }),
    '/keys': () => ({ keys: [jwk] }),
  };
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const document = documents[incoming.url ?? ''];
      if (document !== undefined) return outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document()));
      const WebIdentityToken = new URLSearchParams(await textOf(incoming)).get('WebIdentityToken') ?? '';
      asked.push(WebIdentityToken);
      // MinIO goes by what the token says and knows no roles.
      const answer = await askMinio(issuer.minioUrl, { WebIdentityToken });
      const told = (await answer.text()).replace(/<Expiration>[^<]*</, `<Expiration>${soon()}<`);
      return outgoing.writeHead(answer.status, { 'content-type': 'text/xml' }).end(told);
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: Issuer = {
    minio: {
      MINIO_IDENTITY_OPENID_CONFIG_URL: `${url()}/.well-known/openid-configuration`,
      MINIO_IDENTITY_OPENID_CLIENT_ID: audience,
    },
    token,
    sts: url(),
    asked,
    session: async (minioUrl, prefix) => {
      const Statement = [{ Effect: 'Allow', Action: ['s3:GetObject'], Resource: [`arn:aws:s3:::lake/${prefix}*`] }];
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
      const answer = await (await askMinio(minioUrl, { WebIdentityToken: token('a tenant'), Policy })).text();
      const field = (name: string): string => new RegExp(`<${name}>([^<]+)<`).exec(answer)?.[1] ?? '';
      if (field('AccessKeyId') === '') throw new Error(answer);
      return { accessKeyId: field('AccessKeyId'), secretAccessKey: field('SecretAccessKey'), sessionToken: field('SessionToken') };
    },
    minioUrl: '',
    end: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return issuer;
};
