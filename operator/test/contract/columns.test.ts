// The contract's section "Status", its columns: what `kubectl get` shows of every kind in every state, as the API server renders it.
import { describe, expect, test } from '@jest/globals';
import type { Kind } from '@offloader/contract';
import { startApiServer } from '../support/api-server.ts';
import type { ApiServer } from '../support/api-server.ts';
import { active } from '../support/facts.ts';
import { apiKey, dataset, endpoint, mintedKey } from '../support/samples.ts';
import { tableOf } from '../support/table.ts';
import type { Table } from '../support/table.ts';
import { type World, replicas, until } from '../support/world.ts';
import { inWorlds } from '../support/worlds.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;

type Cells = Readonly<Record<string, unknown>>;
const all = `${String(replicas)}/${String(replicas)}`;
const allButOne = `${String(replicas - 1)}/${String(replicas)}`;
const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000 - 60_000).toISOString();

there('the columns of kubectl get', () => {
  const api = server as ApiServer;
  let world: World;

  inWorlds(api, 'columns', async (opened) => {
    world = opened;
    for (let n = 0; n < replicas; n += 1) {
      const gateway = await world.addGateway();
      gateway.snapshots = ['s2', 's1'];
    }
  });

  const table = async (kind: Kind): Promise<Table> => tableOf(api, world.ownPath(kind));
  /** The object's line, as soon as it is this one. */
  const shows = async (kind: Kind, name: string, cells: Cells): Promise<void> => {
    let line: Cells | undefined;
    await until(`${kind} ${name} to be shown as ${JSON.stringify(cells)}`, async () => {
      line = (await table(kind)).rows[name];
      return Object.entries(cells).every(([column, cell]) => (cell instanceof RegExp ? cell.test(String(line?.[column])) : line?.[column] === cell));
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; shown is ${JSON.stringify(line)}`);
    });
  }; // prettier-ignore
  const report = (row: Parameters<World['gateways'][number]['rows']['set']>[1]): void => {
    for (const gateway of world.gateways) gateway.rows.set('visits', row);
  };

  test('Columns of `kubectl get`: Dataset: Snapshot, Age of data, Fresh, Gateways, Ready, Status.', async () => {
    await world.apply('Dataset', 'visits', dataset());
    expect((await table('Dataset')).columns).toEqual(['Name', 'Snapshot', 'Age of data', 'Fresh', 'Gateways', 'Ready', 'Status']);
    // Nobody has looked at it yet.
    const nothing = { Snapshot: null, 'Age of data': null, Fresh: null, Gateways: null, Ready: null, Status: null };
    expect((await table('Dataset')).rows['visits']).toEqual({ Name: 'visits', ...nothing });

    report({ active_snapshot: null, last_attempted: null, source_reachable: null, manifest_valid: null, stale: null });
    await world.startOperator();
    const loading = { Snapshot: null, 'Age of data': null, Fresh: 'Unknown', Gateways: `0/${String(replicas)}`, Ready: 'False' };
    await shows('Dataset', 'visits', { ...loading, Status: /^Loading: / });
    const error = { code: 'source_credentials_rejected', path: 'spec.source', message: 'the store answered 403', owner: 'Environment' } as const;
    report({ active_snapshot: null, source_reachable: false, manifest_valid: null, stale: null, refresh_error: error, refresh_errors: [error] });
    await shows('Dataset', 'visits', { ...loading, Status: /^spec\.source: the store answered 403 \[source_credentials_rejected; owner: Environment\]/ });

    report({ active_snapshot: { ...active('s2')!, watermark: hoursAgo(5) } });
    const ready = { Snapshot: 's2', 'Age of data': /^5h\d+m$/, Fresh: 'True', Gateways: all, Ready: 'True' };
    await shows('Dataset', 'visits', { ...ready, Status: `Live on ${String(replicas)} of ${String(replicas)} gateways.` });
    // A producer may write it without seconds, and the offset without a colon.
    report({ active_snapshot: { ...active('s2')!, watermark: hoursAgo(50).replace(/:\d\d\.\d+Z$/, '+0000') } });
    await shows('Dataset', 'visits', { ...ready, 'Age of data': '2d2h' });
    report({ active_snapshot: { ...active('s2')!, watermark: hoursAgo(72) }, stale: true });
    await shows('Dataset', 'visits', { ...ready, 'Age of data': '3d', Fresh: 'False' });
    report({ active_snapshot: { ...active('s2', 'warning')!, watermark: hoursAgo(5) } });
    await shows('Dataset', 'visits', { ...ready, Status: /quality warning/ });
    const refused = { code: 'missing_file', path: 'files[0].path', message: 'there is no such file', owner: 'UpstreamData' } as const;
    report({ active_snapshot: { ...active('s2')!, watermark: hoursAgo(5) }, refresh_error: refused, refresh_errors: [refused] });
    await shows('Dataset', 'visits', { ...ready, Status: /The last refresh brought nothing new: files\[0\]\.path: .*\[missing_file; owner: UpstreamData\]/ });

    for (const gateway of world.gateways) gateway.rows.clear();
    await world.apply('Dataset', 'visits', dataset({ suspend: true }));
    await shows('Dataset', 'visits', { Snapshot: 's2', Ready: 'True', Status: /Suspended: no polling and no activation/ });
    await world.apply('Dataset', 'visits', dataset({ snapshot: { pin: 's1' } }));
    await shows('Dataset', 'visits', { Snapshot: 's1', Ready: 'True', Status: /Pinned to s1\.$/ });
    await world.apply('Dataset', 'visits', dataset({ snapshot: { pin: 'gone' } }));
    await shows('Dataset', 'visits', { Snapshot: 's2', Ready: 'False', Status: 'snapshot gone cannot be had. What served before keeps serving.' });
    await world.apply('Dataset', 'visits', dataset({ snapshot: { blocked: ['s2'] } }));
    await shows('Dataset', 'visits', { Snapshot: 's1', Gateways: all, Ready: 'True', Status: /In quarantine: s2 \(blocked\)\.$/ });

    const last = world.gateways.at(-1)!;
    last.unreachable = true;
    await shows('Dataset', 'visits', { Gateways: allButOne, Ready: 'False', Status: new RegExp(`behind: ${last.name}\\. No report: ${last.name} gives no report\\.`) });
  }); // prettier-ignore

  test('Endpoint: Path, Dataset, Version, Mode, Gateways, Ready, Status.', async () => {
    await world.apply('Endpoint', 'daily', endpoint());
    expect((await table('Endpoint')).columns).toEqual(['Name', 'Path', 'Dataset', 'Version', 'Mode', 'Gateways', 'Ready', 'Status']);
    const spec = { Name: 'daily', Dataset: 'visits', Version: 1, Mode: 'LocalTable' };
    expect((await table('Endpoint')).rows['daily']).toEqual({ ...spec, Path: null, Gateways: null, Ready: null, Status: null });

    await world.startOperator();
    const none = { Gateways: `0/${String(replicas)}`, Ready: 'False' };
    await shows('Endpoint', 'daily', {
      ...spec,
      ...none,
      Path: null,
      Status: 'spec.datasetRef.name: there is no Dataset visits; create it or correct the name [unknown_dataset].',
    });
    report({ active_snapshot: null });
    await world.apply('Dataset', 'visits', dataset());
    const placed = { ...spec, Path: '/v1/endpoints/daily' };
    await shows('Endpoint', 'daily', { ...placed, ...none, Status: /^Dataset visits has no snapshot on .*; its status says why\.$/ });
    for (const gateway of world.gateways) gateway.rows.clear();
    await shows('Endpoint', 'daily', { ...placed, Gateways: all, Ready: 'True', Status: /^Live on / });

    const last = world.gateways.at(-1)!;
    last.frozen = true;
    await world.apply('Endpoint', 'daily', endpoint({ version: 2, servingMode: 'RemoteScan' }));
    const second = { ...placed, Version: 2, Mode: 'RemoteScan' };
    await shows('Endpoint', 'daily', { ...second, Gateways: allButOne, Ready: 'False', Status: new RegExp(`behind: ${last.name}\\.$`) });
    last.frozen = false;
    await shows('Endpoint', 'daily', { ...second, Gateways: all, Ready: 'True' });
    await world.apply('Endpoint', 'daily', endpoint({ version: 3, tenant: { column: 'visits' } }));
    await shows('Endpoint', 'daily', { Version: 3, Gateways: none.Gateways, Ready: 'False', Status: /^spec\.tenant\.column: .*\[tenant_mismatch\]\. The last good version keeps serving\.$/ });
  }); // prettier-ignore

  test('ApiKey: Tenant, State, Expires, LastUsed, Gateways, Ready.', async () => {
    await world.apply('Dataset', 'visits', dataset());
    await world.apply('Endpoint', 'daily', endpoint());
    await world.apply('ApiKey', 'acme', apiKey());
    await world.apply('ApiKey', 'any', apiKey({ tenant: undefined, endpoints: ['*'], hash: 'b'.repeat(64), expiresAt: '2999-01-01T00:00:00Z' }));
    const { columns, wide, rows } = await table('ApiKey');
    expect([columns, wide.at(-1)]).toEqual([['Name', 'Tenant', 'State', 'Expires', 'LastUsed', 'Gateways', 'Ready'], 'Status']);
    expect(rows['acme']).toEqual({ Name: 'acme', Tenant: 'acme', State: null, Expires: null, LastUsed: null, Gateways: null, Ready: null, Status: null });

    await world.startOperator();
    const live = { State: 'Active', Gateways: all, Ready: 'True', Status: /^Live on / };
    await shows('ApiKey', 'acme', { Tenant: 'acme', Expires: null, LastUsed: null, ...live });
    await shows('ApiKey', 'any', { Tenant: null, Expires: '2999-01-01T00:00:00Z', LastUsed: null, ...live });
    world.gateways[0]!.keys = [{ id: 'acme', last_used_at: hoursAgo(5) }];
    await shows('ApiKey', 'acme', { LastUsed: /^5h\d+m$/, ...live });

    const last = world.gateways.at(-1)!;
    last.frozen = true;
    await world.apply('ApiKey', 'acme', apiKey({ state: 'Revoked' }));
    await shows('ApiKey', 'acme', { State: 'Revoked', Gateways: allButOne, Ready: 'False', Status: new RegExp(`behind: ${last.name}\\.$`) });
    last.frozen = false;
    await shows('ApiKey', 'acme', { State: 'Revoked', Gateways: all, Ready: 'True', Status: /Revoked: the token is refused\.$/ });
    await world.apply('ApiKey', 'any', apiKey({ tenant: undefined, endpoints: ['*'], hash: 'b'.repeat(64), expiresAt: '2020-01-01T00:00:00Z' }));
    await shows('ApiKey', 'any', { State: 'Expired', Expires: '2020-01-01T00:00:00Z', Gateways: all, Ready: 'False', Status: /expired/ });
    await world.apply('ApiKey', 'acme', apiKey({ endpoints: ['nope'] }));
    await shows('ApiKey', 'acme', { State: 'Revoked', Gateways: `0/${String(replicas)}`, Ready: 'False', Status: /^spec\.endpoints\[0\]: .*\[unknown_endpoint\]/ });

    const data = { token: Buffer.from('of somebody else').toString('base64') };
    await world.client.request({ method: 'POST', path: world.path('secrets'), body: { metadata: { name: 'acme-token' }, data } });
    await world.apply('ApiKey', 'minted', mintedKey());
    await shows('ApiKey', 'minted', { State: 'Active', Ready: 'False', Status: /Secret acme-token exists and was not made for this key/ });
  }); // prettier-ignore
});
