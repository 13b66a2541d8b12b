/** Plain calls to the API server, and our kinds in it. */
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { apiVersion, type Kind, kinds } from '@offloader/contract';
import { parseAllDocuments } from 'yaml';
import type { ApiServer } from './api-server.ts';

export type Answer = { readonly status: number; readonly body: any };
export type Call = (method: string, path: string, body?: unknown, contentType?: string) => Promise<Answer>;

export const callsTo = (server: ApiServer): Call => {
  const ca = readFileSync(server.caFile);
  return async (method, path, body, contentType = 'application/json') =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${server.token}`, 'content-type': contentType };
      const call = request(server.url + path, { method, ca, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : text });
        });
      });
      call.once('error', reject);
      call.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    });
};

export const until = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 1200; tries += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`gave up waiting for ${what}`);
};

const places: Readonly<Record<string, string>> = {
  CustomResourceDefinition: 'apiextensions.k8s.io/v1/customresourcedefinitions',
  ValidatingAdmissionPolicy: 'admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
};
const folder = new URL('../../../crds/', import.meta.url);

/** crds/*.yaml as they are checked in, the kinds established and served. */
export const applyCrds = async (call: Call): Promise<void> => {
  for (const file of readdirSync(folder))
    for (const document of parseAllDocuments(readFileSync(new URL(file, folder), 'utf8'))) {
      const object = document.toJS() as { kind: string; metadata: { name: string } };
      const path = `/apis/${places[object.kind] ?? ''}/${object.metadata.name}?fieldManager=test&force=true&fieldValidation=Strict`;
      const { status, body } = await call('PATCH', path, object, 'application/apply-patch+yaml');
      if (status >= 300) throw new Error(body.message);
    }
  for (const kind of Object.keys(kinds) as Kind[]) {
    const { plural } = kinds[kind];
    await until(`${plural} to be served`, async () => (await call('GET', `/apis/${apiVersion}/${plural}`)).status === 200);
  }
};
