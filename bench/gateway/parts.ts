/** What the gateway's bench takes from the gateway: the lake of its tests, a key, and the SQL of a page. */
import type { CompiledEndpoint } from '@offloader/contract';
import { from } from '../from.ts';

export type Lake = {
  readonly url: string;
  publish(id: string, select: string): Promise<void>;
  remove(): Promise<void>;
};
export type Sql = { readonly text: string; readonly values: readonly (string | boolean | null)[] };
type Asked = {
  readonly endpoint: CompiledEndpoint;
  readonly request: {
    readonly values: ReadonlyMap<string, never>;
    readonly columns: readonly string[];
    readonly limit: number;
    readonly offset: bigint;
    readonly cursor: null;
  };
  readonly tenant: string;
  readonly relation: string;
};

export const { createLake } = await from<{ readonly createLake: (dataset: string) => Promise<Lake> }>('gateway/test/support/lake.ts');
export const { apiKey, secretKeyBase } = await from<{ readonly apiKey: (tenant: string) => object; readonly secretKeyBase: string }>(
  'gateway/test/support/gateway.ts',
);
export const { pageSql } = await from<{ readonly pageSql: (asked: Asked, extra: 1) => Sql }>('gateway/src/domain/select-sql.ts');
