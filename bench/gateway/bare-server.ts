/**
 * The ceiling: node:http over @duckdb/node-api, and nothing else. It answers the pages of the scenarios from a snapshot's file,
 * by the gateway's own SQL; a page of cache_hit out of memory. Started by bare.ts with the file as its argument; tells its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { pageSql } from './parts.ts';
import { pageRows, type Scenario, type ScenarioName, scenarios } from './scenarios.ts';
import { compiledEndpoint, tenant } from './world.ts';

/** As many as a gateway has. */
const connections = 16;

const [file = ''] = process.argv.slice(2);
const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY', threads: String(availableParallelism()) });
const idle: DuckDBConnection[] = [];
for (let n = 0; n < connections; n += 1) idle.push(await instance.connect());
await idle[0]!.run('SET GLOBAL parquet_metadata_cache = true');
const waiting: ((connection: DuckDBConnection) => void)[] = [];
const give = (connection: DuckDBConnection): void => {
  const next = waiting.shift();
  if (next === undefined) idle.push(connection);
  else next(connection);
};

const pagesOf = (scenario: Scenario) => {
  const endpoint = compiledEndpoint(scenario);
  const relation = scenario.meta.serving_mode === 'remote_scan' ? '"main"."scan"' : '"main"."data"';
  const page = { values: new Map<string, never>(), columns: endpoint.columns, limit: pageRows, cursor: null };
  return async (offset: string): Promise<Buffer> => {
    const { text, values } = pageSql({ endpoint, request: { ...page, offset: BigInt(offset) }, tenant, relation }, 1);
    const connection = idle.pop() ?? (await new Promise<DuckDBConnection>((resolve) => waiting.push(resolve)));
    try {
      const read = await connection.runAndReadAll(text, [...values]);
      return Buffer.from(JSON.stringify({ data: read.getRowObjectsJson().slice(0, pageRows) }));
    } finally {
      give(connection);
    }
  };
};
const pages = { local_table: pagesOf(scenarios.local_table), remote_scan: pagesOf(scenarios.remote_scan) };
const held = new Map<string, Buffer>();

const answer = async (name: ScenarioName, offset: string): Promise<Buffer> => {
  if (name !== 'cache_hit') return pages[name](offset);
  const body = held.get(offset) ?? (await pages.local_table(offset));
  held.set(offset, body);
  return body;
};

const server = createServer((request, response) => {
  const [, name, offset = ''] = (request.url ?? '').split('/');
  answer(name as ScenarioName, offset).then(
    (body) => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
