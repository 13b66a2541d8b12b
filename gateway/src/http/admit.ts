/** Who asks and for what: the outcomes that come before anything of the query is looked at. */
import { err, ok, type CompiledEndpoint, type CompiledKey, type Result } from '@offloader/contract';
import type { Request } from 'express';
import { authenticate, isGranted } from '../domain/authorize.ts';
import type { Failure } from '../domain/failure.ts';
import type { Observe } from '../domain/observation.ts';
import type { Live } from '../domain/serving.ts';

export type Caller = {
  /** null on a public gateway. */
  readonly key: CompiledKey | null;
  readonly endpoint: CompiledEndpoint;
  /** What the rows are filtered by; null for an endpoint that is not tenant-scoped. */
  readonly tenant: string | null;
};
export type Refused = { readonly failure: Failure; readonly keyId: string | null };

/** Every value of Authorization as sent; Node.js itself would keep the first alone. */
const authorizationOf = ({ rawHeaders }: Request): readonly string[] =>
  rawHeaders.flatMap((name, at) => (at % 2 === 0 && name.toLowerCase() === 'authorization' ? [rawHeaders[at + 1] ?? ''] : []));

const refused = (failure: Failure, keyId: string | null = null): Result<never, Refused> => err({ failure, keyId });

/** Order of outcomes: starting 503 → 401 → 404 grant → 404 endpoint. A name that is not granted is answered like one that is not there. */
export const admit = (
  live: Live,
  name: string,
  request: Request,
  { now, observe }: { readonly now: () => number; readonly observe: Observe },
): Result<Caller, Refused> => {
  if (live.revision === null) return refused({ kind: 'not_ready', code: 'starting', retryAfterSeconds: 1 });
  const endpoint = live.endpoints.get(name);
  if (live.auth === 'none')
    // Nobody is there whose tenant it could be filtered by.
    return endpoint === undefined || endpoint.tenantColumn !== null
      ? refused({ kind: 'not_found' })
      : ok({ key: null, endpoint, tenant: null });
  const key = authenticate(live, authorizationOf(request), now());
  if (!key.ok) {
    observe({ kind: 'auth_failed', reason: key.error });
    return refused({ kind: 'unauthorized' });
  }
  if (endpoint === undefined || !isGranted(key.value, endpoint)) return refused({ kind: 'not_found' }, key.value.id);
  return ok({ key: key.value, endpoint, tenant: endpoint.tenantColumn === null ? null : key.value.tenant });
};
