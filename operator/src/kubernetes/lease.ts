/** The election's lease, kept in a Lease object. */
import type { LeaseRecord, LeaseStore, StoredLease } from '../runtime/leader.ts';
import { isStatus } from './api-error.ts';
import type { ApiClient } from './client.ts';
import { apiVersionOf, pathOf, resourceTypes } from './resource-type.ts';

type LeaseObject = {
  readonly metadata: { readonly resourceVersion?: string };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
};

/** A LeaseStore over one Lease of a namespace. */
export const leaseStore = (client: ApiClient, namespace: string, name: string): LeaseStore => {
  const type = resourceTypes.Lease;
  return {
    read: async () => {
      try {
        return parse(await client.request({ method: 'GET', path: pathOf(type, namespace, name) }));
      } catch (error) {
        if (isStatus(error, 404)) return undefined;
        throw error;
      }
    },
    write: async (record, over) => {
      const metadata = { name, namespace, ...(over === undefined ? {} : { resourceVersion: over }) };
      const body = { apiVersion: apiVersionOf(type), kind: type.kind, metadata, spec: render(record) };
      try {
        const request =
          over === undefined
            ? { method: 'POST' as const, path: pathOf(type, namespace), body }
            : { method: 'PUT' as const, path: pathOf(type, namespace, name), body };
        return parse(await client.request(request));
      } catch (error) {
        if (isStatus(error, 409) || isStatus(error, 404)) return 'conflict';
        throw error;
      }
    },
  };
};

const parse = (raw: unknown): StoredLease => {
  const lease = raw as LeaseObject;
  return {
    holder: lease.spec?.holderIdentity ?? '',
    durationMs: (lease.spec?.leaseDurationSeconds ?? 15) * 1000,
    acquiredAtMs: Date.parse(lease.spec?.acquireTime ?? '') || 0,
    renewedAtMs: Date.parse(lease.spec?.renewTime ?? '') || 0,
    transitions: lease.spec?.leaseTransitions ?? 0,
    version: lease.metadata.resourceVersion ?? '',
  };
};

const render = (record: LeaseRecord) => ({
  holderIdentity: record.holder,
  leaseDurationSeconds: Math.max(1, Math.ceil(record.durationMs / 1000)),
  acquireTime: microTime(record.acquiredAtMs),
  renewTime: microTime(record.renewedAtMs),
  leaseTransitions: record.transitions,
});

/** Lease times carry microseconds; the API server refuses fewer digits. */
const microTime = (ms: number): string => new Date(ms).toISOString().replace(/(\.\d{3})Z$/, '$1000Z');
