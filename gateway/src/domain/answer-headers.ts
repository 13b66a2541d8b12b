/** Headers that answers carry: which of them, on which answers, and what they say. Pure. */

/** What a gateway was told that shows in its answers. */
export type Edge = {
  /** Whether answers name the pod. */
  readonly namesPod: boolean;
  /** Who may read answers in a browser besides pages of the same origin. */
  readonly crossOrigin: 'nobody' | 'anybody' | 'some';
};
export const edgeOf = (podName: string | null, corsOrigins: readonly string[]): Edge => ({
  namesPod: podName !== null,
  crossOrigin: corsOrigins.length === 0 ? 'nobody' : corsOrigins.includes('*') ? 'anybody' : 'some',
});

const descriptions = {
  'x-request-id': 'the id of this request in the log; one that was sent, when it is of 20 to 200 letters, digits and _.:/-',
  'X-Offloader-Pod': 'the replica that answered',
  Vary: 'what of the request the answer depends on',
  'Access-Control-Allow-Origin': 'who may read the answer in a browser',
  'Access-Control-Allow-Credentials': 'for a listed origin',
  'Access-Control-Expose-Headers': 'what a page may read',
  ETag: 'send it as If-None-Match: 304 while the page is the same',
  'X-Offloader-Snapshot-Id': 'the snapshot that answered, as meta.snapshot_id of JSON',
  'X-Offloader-Watermark': 'the moment up to which its data is complete, as meta.freshness.watermark of JSON; absent when it has none',
  'Cache-Control': 'whether and how long the answer may be kept',
  'Server-Timing': 'cache;desc=hit, miss or off, pool;dur and query;dur in milliseconds',
  'RateLimit-Limit': 'the whole of the limit that is nearest to its end',
  'RateLimit-Remaining': 'what is left of it',
  'RateLimit-Reset': 'seconds until all of it is there again',
  'Retry-After': 'seconds until it is worth asking again',
  'WWW-Authenticate': 'the scheme',
  Allow: 'the methods that the path takes',
  Deprecation: 'since when the endpoint is deprecated (RFC 9745)',
  Sunset: 'when it ends (RFC 8594)',
  Link: 'its successor',
  'X-Content-Type-Options': 'for browsers',
  'X-DNS-Prefetch-Control': 'for browsers',
  'X-Download-Options': 'for browsers',
  'X-Frame-Options': 'for browsers',
  'X-Permitted-Cross-Domain-Policies': 'for browsers',
  'X-XSS-Protection': 'for browsers',
  'Origin-Agent-Cluster': 'for browsers',
  'Referrer-Policy': 'for browsers',
} as const;
export type HeaderName = keyof typeof descriptions;

const integers: readonly HeaderName[] = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Retry-After'];
export const headerOf = (name: HeaderName): Readonly<Record<string, unknown>> => ({
  description: descriptions[name],
  schema: integers.includes(name) ? { type: 'integer' } : { type: 'string' },
});

/** What a page of another origin may read, besides what browsers let it read anyway. */
export const exposedHeaders = [
  'ETag', 'x-request-id', 'X-Offloader-Pod', 'X-Offloader-Snapshot-Id', 'X-Offloader-Watermark', 'Server-Timing',
  'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Retry-After', 'Deprecation', 'Sunset', 'Link',
] as const satisfies readonly HeaderName[]; // prettier-ignore

const always = (Object.keys(descriptions) as readonly HeaderName[]).filter((name) => descriptions[name] === 'for browsers');
const crossOrigin = ['Access-Control-Allow-Origin', 'Access-Control-Expose-Headers'] as const satisfies readonly HeaderName[];
/** On every answer. */
const common = ({ namesPod, crossOrigin: who }: Edge): readonly HeaderName[] => [
  'x-request-id',
  'Vary',
  'Cache-Control',
  ...(namesPod ? (['X-Offloader-Pod'] as const) : []),
  ...(who === 'nobody' ? [] : crossOrigin),
  ...(who === 'some' ? (['Access-Control-Allow-Credentials'] as const) : []),
  ...always,
];
const ofStatus: Readonly<Record<number, readonly HeaderName[]>> = {
  200: ['ETag', 'X-Offloader-Snapshot-Id', 'X-Offloader-Watermark', 'Server-Timing'],
  304: ['ETag', 'X-Offloader-Snapshot-Id', 'X-Offloader-Watermark'],
  401: ['WWW-Authenticate'],
  405: ['Allow'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};
/** Refused before a key's limits are looked at. */
const uncounted: readonly number[] = [401, 404, 405, 406, 408, 413, 431];

/** What an answer of a status may carry besides its type and length, and what the connection needs. */
export const headersOf = (
  status: number,
  edge: Edge,
  about: { readonly hasKeys: boolean; readonly isDeprecated: boolean },
): readonly HeaderName[] => [
  ...common(edge),
  ...(ofStatus[status] ?? []),
  ...(about.hasKeys && !uncounted.includes(status) ? (['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const) : []),
  ...(about.isDeprecated && status < 400 ? (['Deprecation', 'Sunset', 'Link'] as const) : []),
];
