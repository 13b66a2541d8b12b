/** What went wrong at a place, told apart: credentials absent or rejected, no bucket, no object, no host, anything else. */
import type { Problem, ProblemCode } from '@offloader/contract';

/** An error of an SDK or of fetch, reduced to what it can be told by. Only the name and the status may be said. */
type StoreError = { readonly status: number | null; readonly name: string; readonly code: string; readonly text: string };

const field = (error: unknown, name: string): unknown =>
  error !== null && typeof error === 'object' ? (error as Record<string, unknown>)[name] : undefined;
const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** The SDK may wrap an error of the network and keep its code in the text alone. */
const codeInText = (message: string): string => /\b(E[A-Z]{4,}|E[A-Z]+_[A-Z]+)\b/.exec(message)?.[1] ?? '';

const storeError = (error: unknown): StoreError => {
  const cause = field(error, 'cause');
  const message = text(field(error, 'message'));
  return {
    status: statusOf(error),
    name: text(field(error, 'name')),
    code: text(field(error, 'Code')) || text(field(cause, 'code')) || text(field(error, 'code')) || codeInText(message),
    text: message,
  };
};

/** The HTTP status that an error stands for, null when there was no answer. */
export const statusOf = (error: unknown): number | null =>
  number(field(field(error, '$metadata'), 'httpStatusCode')) ?? number(field(error, 'status')) ?? number(field(error, 'code'));

const network = [
  'ENOTFOUND', 'ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'EPROTO',
  'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ERR_STREAM_PREMATURE_CLOSE',
]; // prettier-ignore
const distrusted = [
  'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID',
]; // prettier-ignore
/** Refusals that come with a 400, from the stores and from those who give out tokens for them. */
const refusals = [
  'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'AccessDenied', 'ExpiredToken', 'ExpiredTokenException', 'InvalidToken',
  'TokenRefreshRequired', 'InvalidIdentityToken', 'InvalidClientTokenId', 'invalid_grant', 'invalid_client', 'unauthorized_client',
]; // prettier-ignore
const otherRegion = ['PermanentRedirect', 'TemporaryRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'];

type Rule = readonly [ProblemCode, (error: StoreError) => boolean, message: string, hint?: string];
/** The first that fits tells; its hint where it knows more than `advised` says of the code. */
const rules: readonly Rule[] = [
  [
    'source_credentials_missing',
    ({ name, text: message }) => name === 'CredentialsProviderError' || /could not load the default credentials|unable to detect a project id/i.test(message),
    'there are no credentials for this source',
  ],
  ['source_bucket_missing', ({ name, code }) => name === 'NoSuchBucket' || code === 'NoSuchBucket', 'the bucket does not exist', 'check the URL and the region'],
  [
    'source_bucket_missing',
    ({ name, status }) => otherRegion.includes(name) || status === 301 || status === 307,
    'the bucket is not in this region',
    'check source.s3.region and source.s3.endpoint',
  ],
  [
    'source_credentials_rejected',
    ({ name, code, status, text: message }) =>
      status === 401 || status === 403 || refusals.some((one) => one === name || one === code || message.startsWith(one)),
    'the store rejected the credentials (401 or 403)',
    'check the Secret and the bucket policy',
  ],
  [
    'source_credentials_rejected',
    ({ code, name, text: message }) => /^ERR_(OSSL|CRYPTO)/.test(code) || name === 'SyntaxError' || /DECODER routines|asymmetric key/i.test(message),
    'the credentials are not in the form they should have',
    'copy serviceAccountJson into the Secret again, whole',
  ],
  ['file_changed', ({ status }) => status === 412 || status === 416, 'the file was overwritten while it was read'],
  ['missing_file', ({ status, name }) => status === 404 || name === 'NoSuchKey' || name === 'NotFound', 'the object does not exist at the source'],
  [
    'source_unreachable',
    ({ code }) => distrusted.includes(code),
    "the host's certificate is not trusted",
    "check the endpoint, or name its CA in NODE_EXTRA_CA_CERTS",
  ],
  [
    'source_unreachable',
    ({ code, name }) => network.includes(code) || name === 'TimeoutError' || name === 'FetchError',
    'the host cannot be reached',
  ],
]; // prettier-ignore

/** The Problem of a failed call. URLs with signatures and credentials never stand in it. */
export const storeProblem = (error: unknown): Problem => {
  const known = storeError(error);
  const [code, , message, hint] = rules.find(([, fits]) => fits(known)) ?? ['source_failed' as const, null, null];
  const words = /^[\w .-]{1,60}$/.test(known.name) ? known.name : 'an error';
  return {
    code,
    path: '',
    message: message ?? `the store answered ${known.status === null ? '' : `${known.status} `}${words}`,
    ...(hint === undefined ? {} : { hint }),
  };
};
