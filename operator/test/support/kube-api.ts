/** What a program needs of an API server before it can work with it: a client, the CRDs, and patience. */
import { readFileSync, readdirSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { apiVersion, kinds } from '@offloader/contract';
import { parseAllDocuments } from 'yaml';
import { isStatus } from '../../src/kubernetes/api-error.ts';
import { createApiClient } from '../../src/kubernetes/client.ts';
import type { ApiClient } from '../../src/kubernetes/client.ts';

const places: Readonly<Record<string, string>> = {
  CustomResourceDefinition: 'apiextensions.k8s.io/v1/customresourcedefinitions',
  ValidatingAdmissionPolicy: 'admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
};

/** Puts what is in crds/ in place and waits until the API server serves the kinds. */
export const installCrds = async (client: ApiClient): Promise<void> => {
  const folder = new URL('../../../crds/', import.meta.url);
  for (const file of readdirSync(folder))
    for (const document of parseAllDocuments(readFileSync(new URL(file, folder), 'utf8'))) {
      const body = document.toJS() as { kind: string; metadata: { name: string } };
      await client.request({
        method: 'PATCH',
        path: `/apis/${places[body.kind] ?? ''}/${body.metadata.name}`,
        query: { fieldManager: 'test', force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body,
      });
    }
  for (const { plural } of Object.values(kinds)) {
    await until(`${plural} to be served`, async () =>
      client
        .request({ method: 'GET', path: `/apis/${apiVersion}/${plural}` })
        .then(() => true)
        .catch(() => false),
    );
  }
};

/** A test has nothing better to do than to wait for an answer: only a hang is given up. */
const timeoutMs = 60_000;

export const clientOf = (kubeconfig: string): ApiClient => {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return createApiClient({ config, guard: () => undefined, userAgent: 'test', timeoutMs });
};

/** What is there; undefined only when the API server says that nothing is. */
export const readIfThere = async (client: ApiClient, path: string): Promise<any> =>
  client.request({ method: 'GET', path }).catch((error: unknown) => {
    if (isStatus(error, 404)) return undefined;
    throw error;
  });

/** Waits for a condition; the message says what was waited for. The limit is no measure of anything: it bounds a hang on a machine that is slow. */
export const until = async (what: string, condition: () => Promise<boolean> | boolean, withinMs = 120_000): Promise<void> => {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
};
