/** The files of a first project: three days of visits, a dataset, two endpoints, a key. Pure. */
import { apiVersion } from '@offloader/contract';
import type { Column } from '@offloader/contract';
import { stringify } from 'yaml';

export type ProjectChoice = {
  readonly isPublic: boolean;
  /** Where the data's manifest will be, as a URL. */
  readonly manifestUrl: string;
  /** SHA-256 of the key's token; not used by a public project. */
  readonly tokenHash: string;
};

const days = ['2026-05-29', '2026-05-30', '2026-05-31'];
const accounts = [
  { tenant: 'acme', account: 'A-1' },
  { tenant: 'acme', account: 'A-2' },
  { tenant: 'globex', account: 'G-1' },
];

/** The data, as CSV. */
export const visitsCsv = (isPublic: boolean): string =>
  [
    [...(isPublic ? [] : ['tenant_id']), 'account_id', 'day', 'visits'].join(','),
    ...days.flatMap((day, d) =>
      accounts.map(({ tenant, account }, a) => [...(isPublic ? [] : [tenant]), account, day, 100 * (a + 1) + d].join(',')),
    ),
    '',
  ].join('\n');

const columns = (isPublic: boolean): readonly Column[] => [
  ...(isPublic ? [] : [{ name: 'tenant_id', type: 'VARCHAR' } as const]),
  { name: 'account_id', type: 'VARCHAR' },
  { name: 'day', type: 'DATE' },
  { name: 'visits', type: 'BIGINT' },
];

const endpoint = (isPublic: boolean, name: string, spec: object): object => ({
  apiVersion,
  kind: 'Endpoint',
  metadata: { name: name.replaceAll('_', '-') },
  spec: { name, version: 1, datasetRef: { name: 'visits' }, ...(isPublic ? {} : { tenant: { column: 'tenant_id' } }), ...spec },
});

const dataset = ({ isPublic, manifestUrl }: ProjectChoice): object => ({
  apiVersion,
  kind: 'Dataset',
  metadata: { name: 'visits' },
  spec: {
    description: 'Visits per account and day',
    source: { manifest: { url: manifestUrl }, interval: '5s' },
    schema: columns(isPublic),
    ...(isPublic ? {} : { tenantColumn: 'tenant_id' }),
  },
});

const endpoints = (isPublic: boolean): readonly object[] => [
  endpoint(isPublic, 'account_daily', {
    description: 'Visits per day of one account',
    params: [
      { name: 'account_id', type: 'string', required: true },
      { name: 'from', type: 'date' },
    ],
    query: {
      select: [
        { as: 'day', column: 'day' },
        { as: 'visits', column: 'visits' },
      ],
      filters: [
        { column: 'account_id', op: 'eq', param: 'account_id' },
        { column: 'day', op: 'gte', param: 'from' },
      ],
      orderBy: [{ column: 'day', dir: 'desc' }],
    },
    columns: ['day', 'visits'],
  }),
  endpoint(isPublic, 'account_totals', {
    description: 'Visits per account',
    query: {
      select: [
        { as: 'account_id', column: 'account_id' },
        { as: 'visits', column: 'visits', agg: 'sum' },
      ],
      groupBy: ['account_id'],
      orderBy: [{ column: 'visits', dir: 'desc' }],
    },
    columns: ['account_id', 'visits'],
  }),
];

const key = (tokenHash: string): object => ({
  apiVersion,
  kind: 'ApiKey',
  metadata: { name: 'acme' },
  spec: { tenant: 'acme', endpoints: ['account_daily', 'account_totals'], hash: tokenHash },
});

/** The resource files by their path in the project. */
export const resourceFiles = (choice: ProjectChoice): Readonly<Record<string, string>> => ({
  'resources/dataset.yaml': stringify(dataset(choice)),
  'resources/endpoints.yaml': endpoints(choice.isPublic)
    .map((one) => stringify(one))
    .join('---\n'),
  ...(choice.isPublic ? {} : { 'resources/keys.yaml': stringify(key(choice.tokenHash)) }),
});
