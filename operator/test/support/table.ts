/** What `kubectl get` shows: the API server's own Table form of a kind's objects. */
import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { ApiServer } from './api-server.ts';

export type Table = {
  /** Those that are shown without `-o wide`. */
  readonly columns: readonly string[];
  readonly wide: readonly string[];
  /** A cell by column, for every object by name. */
  readonly rows: Readonly<Record<string, Readonly<Record<string, string | number | null>>>>;
};

/** Asks as kubectl does. */
export const tableOf = async (server: ApiServer, path: string): Promise<Table> => {
  const answer: any = await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${server.token}`, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    https
      .get(`${server.url}${path}`, { ca: readFileSync(server.caFile), headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => resolve(JSON.parse(text)));
      })
      .once('error', reject);
  });
  const columns = answer.columnDefinitions as readonly { readonly name: string; readonly priority: number }[];
  const cellsOf = ({ cells }: any) => Object.fromEntries(columns.map(({ name }, n) => [name, cells[n]]));
  return {
    columns: columns.filter(({ priority }) => priority === 0).map(({ name }) => name),
    wide: columns.map(({ name }) => name),
    rows: Object.fromEntries(answer.rows.map((row: any) => [row.object.metadata.name, cellsOf(row)])),
  };
};
