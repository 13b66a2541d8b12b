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

type Ports = { readonly now: () => number; readonly observe: Observe };

/** Whose request it is: starting 503 → 401; null where no key is needed. */
export const identify = (live: Live, request: Request, { now, observe }: Ports): Result<CompiledKey | null, Refused> => {
  if (live.revision === null) return refused({ kind: 'not_ready', code: 'starting', retryAfterSeconds: 1 });
  if (live.auth === 'none') return ok(null);
  const key = authenticate(live, authorizationOf(request), now());
  if (key.ok) return key;
  observe({ kind: 'auth_failed', reason: key.error });
  return refused({ kind: 'unauthorized' });
};

/** Order of outcomes: starting 503 → 401 → 404 grant → 404 endpoint. A name that is not granted is answered like one that is not there. */
export const admit = (live: Live, name: string, request: Request, ports: Ports): Result<Caller, Refused> => {
  const caller = identify(live, request, ports);
  if (!caller.ok) return caller;
  const key = caller.value;
  const endpoint = live.endpoints.get(name);
  // Without a key there is nobody whose tenant it could be filtered by.
  const isCallable = endpoint !== undefined && (key === null ? endpoint.tenantColumn === null : isGranted(key, endpoint));
  if (!isCallable) {
    // Of an unknown name as well: nothing that is done for one may tell it from the other.
    if (key !== null) ports.observe({ kind: 'auth_failed', reason: 'not_granted' });
    return refused({ kind: 'not_found' }, key?.id ?? null);
  }
  return ok({ key, endpoint, tenant: endpoint.tenantColumn === null ? null : (key?.tenant ?? null) });
};
