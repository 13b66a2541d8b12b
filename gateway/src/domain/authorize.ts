/** Who calls, and what they may call. Unknown, revoked, expired: one answer for all. */
import { type CompiledEndpoint, type CompiledKey, err, ok, type Result, sha256Hex } from '@offloader/contract';
import type { Observation } from './observation.ts';
import type { Live } from './serving.ts';

export type AuthReason = Extract<Observation, { kind: 'auth_failed' }>['reason'];

/** The token of exactly one `Authorization: Bearer <token>` header; `headers` holds every value that was sent. */
export const tokenOf = (headers: readonly string[]): Result<string, AuthReason> => {
  const [header] = headers;
  if (header === undefined) return err('missing');
  return headers.length === 1 && header.startsWith('Bearer ') && header.length > 7 ? ok(header.slice(7)) : err('malformed');
};

const isPast = (moment: string | null, nowMs: number): boolean => moment !== null && Date.parse(moment) <= nowMs;

/** The key of a token. One hash and one look-up, whether or not there is such a key. */
export const authenticate = (live: Live, headers: readonly string[], nowMs: number): Result<CompiledKey, AuthReason> => {
  const token = tokenOf(headers);
  if (!token.ok) return token;
  const sha256 = sha256Hex(token.value);
  const key = live.keys.get(sha256);
  if (key === undefined) return err('unknown');
  if (key.state === 'Revoked') return err('revoked');
  const hash = key.hashes.find((one) => one.sha256 === sha256);
  return isPast(key.expiresAt, nowMs) || isPast(hash?.notAfter ?? null, nowMs) ? err('expired') : ok(key);
};

const suits = (key: CompiledKey, { tenantColumn }: CompiledEndpoint): boolean => tenantColumn === null || key.tenant !== null;

/** Whether a key is granted an endpoint; "*" without a tenant leaves out those that are tenant-scoped. */
export const isGranted = (key: CompiledKey, endpoint: CompiledEndpoint): boolean =>
  suits(key, endpoint) && (key.endpoints.includes('*') || key.endpoints.includes(endpoint.name));

/** Those of many that it is granted: a list of thousands of grants is looked through once, not once an endpoint. */
export const grantedOf = (key: CompiledKey, endpoints: readonly CompiledEndpoint[]): readonly CompiledEndpoint[] => {
  const names = new Set(key.endpoints);
  return endpoints.filter((endpoint) => suits(key, endpoint) && (names.has('*') || names.has(endpoint.name)));
};
