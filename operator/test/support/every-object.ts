/** Every object that there is in a namespace, whatever its kind, and every text in it, unpacked. */
import { gunzipSync } from 'node:zlib';
import type { ApiClient } from '../../src/kubernetes/client.ts';

export type Held = { readonly where: string; readonly text: string };

/** Base64 and gzip are no hiding places. */
const unpacked = (text: string): readonly string[] => {
  if (text.length < 8 || !/^[A-Za-z0-9+/]+=*$/.test(text)) return [text];
  const bytes = Buffer.from(text, 'base64');
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return [text, gunzipSync(bytes).toString('utf8')];
  return [text, bytes.toString('utf8')];
};

const textsIn = (value: unknown, path: string): readonly Held[] => {
  if (typeof value === 'string') return unpacked(value).map((text) => ({ where: path, text }));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, held]) => [{ where: path, text: key }, ...textsIn(held, `${path}.${key}`)]);
};

/** All of them, by what the API server says it serves. */
export const everyTextIn = async (client: ApiClient, namespace: string): Promise<readonly Held[]> => {
  const get = async (path: string): Promise<any> => client.request({ method: 'GET', path });
  const groups = (await get('/apis')).groups.map(({ preferredVersion }: any) => `/apis/${String(preferredVersion.groupVersion)}`);
  const held: Held[] = [];
  for (const root of ['/api/v1', ...groups]) {
    const { resources } = await get(root);
    const listed = resources.filter(({ namespaced, verbs, name }: any) => namespaced && verbs.includes('list') && !name.includes('/'));
    for (const { name } of listed) {
      const { items } = await get(`${String(root)}/namespaces/${namespace}/${String(name)}`);
      for (const item of items) held.push(...textsIn(item, `${String(name)}/${String(item.metadata.name)}`));
    }
  }
  return held;
};
