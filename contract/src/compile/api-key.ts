/** ApiKey resource → compiled key: hashes only, never a token. */
import type { CompiledKey } from '../bundle.ts';
import type { ApiKey } from '../resources/api-key.ts';

export const compileKey = ({ metadata, spec }: ApiKey, minted: CompiledKey['hashes']): CompiledKey => ({
  id: metadata.name,
  tenant: spec.tenant ?? null,
  endpoints: spec.endpoints.toSorted(),
  state: spec.state ?? 'Active',
  expiresAt: spec.expiresAt ?? null,
  hashes: spec.hash === undefined ? minted : [{ sha256: spec.hash, notAfter: null }],
  limits: {
    requestsPerSecond: spec.limits?.requestsPerSecond ?? null,
    burst: spec.limits?.burst ?? null,
    requestsPerDay: spec.limits?.requestsPerDay ?? null,
  },
});
