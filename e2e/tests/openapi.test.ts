// schemathesis makes hundreds of requests out of /openapi.json, good and bad, and finds no answer that is not documented.
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Standalone, startStandalone } from './support/standalone.ts';

const run = promisify(execFile);
/** The program; e2e/run has installed it, since there is no way out of the cluster's network. */
const schemathesis = async (): Promise<string> => (await run(new URL('../cluster/schemathesis', import.meta.url).pathname)).stdout.trim();

let gateway: Standalone;
beforeAll(async () => {
  gateway = await startStandalone();
}, 180_000);
afterAll(async () => gateway.end());

test('schemathesis finds no undocumented answer and no server error', async () => {
  const program = await schemathesis();
  const folder = join(tmpdir(), `offloader-schemathesis-${process.pid}`);
  await mkdir(folder, { recursive: true });
  const args = [
    ...['run', `${gateway.adminUrl}/openapi.json`, '--url', gateway.apiUrl, '--header', 'Authorization: Bearer acme-token'],
    ...[
      '--checks',
      'not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance',
    ],
    ...['--phases', 'examples,coverage,fuzzing', '--max-examples', '60', '--seed', '20260131', '--generation-deterministic', '--no-color'],
    ...['--workers', '1', '--report', 'ndjson', '--report-dir', folder],
  ];
  const { stdout } = await run(program, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }).catch((error: unknown) => {
    throw new Error(`schemathesis: ${(error as { stdout?: string }).stdout ?? String(error)}`);
  });
  expect(stdout).toMatch(/Operations:\s+3 selected/);
  expect(Number(/Test cases:\s+(\d+)/.exec(stdout)?.[1] ?? /(\d+) generated/.exec(stdout)?.[1] ?? 0)).toBeGreaterThan(200);
}, 300_000);
