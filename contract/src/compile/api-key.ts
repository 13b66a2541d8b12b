/** ApiKey resource → compiled key: hashes only, never a token. */
import type { CompiledKey } from '../bundle.ts';
import { rememberingWith } from '../memo.ts';
import type { ApiKey } from '../resources/api-key.ts';

type Hashes = CompiledKey['hashes'];
const sameHashes = (a: Hashes, b: Hashes): boolean =>
  a.length === b.length && a.every((one, n) => one.sha256 === b[n]?.sha256 && one.notAfter === b[n].notAfter);

export const compileKey = rememberingWith(
  ({ metadata, spec }: ApiKey, minted: Hashes): CompiledKey => ({
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
  }),
  sameHashes,
);
