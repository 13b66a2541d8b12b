/** What went wrong at a store, told apart: credentials absent or rejected, no bucket, no object, no host, anything else. */
import type { Problem, ProblemCode } from '@offloader/contract';

/** An error of an SDK or of fetch, reduced to what may be said; URLs with signatures and credentials never stand in it. */
export type StoreError = { readonly status: number | null; readonly name: string; readonly code: string };

const field = (error: unknown, name: string): unknown =>
  error !== null && typeof error === 'object' ? (error as Record<string, unknown>)[name] : undefined;
const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** The SDK may wrap an error of the network and keep its code in the text alone. */
const codeInText = (message: string): string => /\b(E[A-Z]{4,}|E[A-Z]+_[A-Z]+)\b/.exec(message)?.[1] ?? '';

export const storeError = (error: unknown): StoreError => {
  const cause = field(error, 'cause');
  return {
    status: number(field(field(error, '$metadata'), 'httpStatusCode')) ?? number(field(error, 'status')) ?? number(field(error, 'code')),
    name: text(field(error, 'name')),
    code:
      text(field(error, 'Code')) || text(field(cause, 'code')) || text(field(error, 'code')) || codeInText(text(field(error, 'message'))),
  };
};

const network = [
  'ENOTFOUND',
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
];

const messages: Partial<Record<ProblemCode, string>> = {
  source_credentials_missing:
    'there are no credentials for this source; set source.credentialsSecretRef, give the pod a role, or set anonymous: true',
  source_credentials_rejected: 'the store rejected the credentials (401 or 403); check the Secret and the bucket policy',
  source_bucket_missing: 'the bucket does not exist; check the URL and the region',
  source_unreachable: 'the host cannot be reached; check the endpoint, DNS and network policies',
  missing_file: 'the object does not exist at the source',
};

const codeOf = ({ status, name, code }: StoreError): ProblemCode => {
  if (name === 'CredentialsProviderError' || code === 'NoCredentials' || /Could not load the default credentials/.test(name))
    return 'source_credentials_missing';
  if (name === 'NoSuchBucket' || code === 'NoSuchBucket') return 'source_bucket_missing';
  if (status === 401 || status === 403 || ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'AccessDenied'].includes(name))
    return 'source_credentials_rejected';
  if (status === 404 || name === 'NoSuchKey' || name === 'NotFound') return 'missing_file';
  if (network.includes(code) || name === 'TimeoutError' || name === 'FetchError') return 'source_unreachable';
  return 'source_failed';
};

/** The Problem of a failed call; `path` is the field that named the object. */
export const storeProblem = (error: unknown, path: string): Problem => {
  const known = storeError(error);
  const code = codeOf(known);
  return {
    code,
    path,
    message:
      messages[code] ??
      `the store answered ${known.status === null ? '' : `${known.status} `}${known.name || known.code || 'an error'}`.trim(),
  };
};
