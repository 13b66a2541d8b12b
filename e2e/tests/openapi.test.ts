// schemathesis makes hundreds of requests out of /openapi.json, good and bad, and finds no answer that is not documented.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { everyOperation, operationNames } from './support/every-operation.ts';
import { limitedKey, type Standalone, startStandalone } from './support/standalone.ts';

const run = promisify(execFile);
/** The program; e2e/run has installed it, since there is no way out of the cluster's network. */
const schemathesis = async (): Promise<string> => (await run(new URL('../cluster/schemathesis', import.meta.url).pathname)).stdout.trim();
const checks = ['status_code_conformance', 'content_type_conformance', 'response_headers_conformance', 'response_schema_conformance'];

describe.each(['required', 'none'] as const)('a gateway with auth %s', (auth) => {
  let gateway: Standalone;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offloader-schemathesis-'));
    const keys = auth === 'none' ? [] : [limitedKey('limited')];
    gateway = await startStandalone({ OFFLOADER_AUTH: auth }, (url) => [...everyOperation(auth, url), ...keys]);
  });
  afterAll(async () => {
    await gateway.end();
    await rm(folder, { recursive: true });
  });

  /** A cursor of each endpoint and an ETag are nothing that can be guessed: they stand in the document as examples. */
  const seeded = async (keeps: (parameter: { readonly name: string; readonly in: string }) => boolean = () => true): Promise<string> => {
    const document = (await (await fetch(`${gateway.adminUrl}/openapi.json`)).json()) as any;
    const headers = { authorization: 'Bearer acme-token' };
    for (const [path, { get }] of Object.entries<any>(document.paths)) {
      const first = `${gateway.apiUrl}${path}?limit=1${get.parameters.some(({ name }: any) => name === 'status') ? '&status=open' : ''}`;
      const answer = (await (await fetch(first, { headers })).json()) as any;
      const cursor = get.parameters.find(({ name }: any) => name === 'cursor');
      if (typeof answer.meta.next_cursor === 'string') cursor.example = answer.meta.next_cursor;
      get.parameters.push({
        name: 'If-None-Match',
        in: 'header',
        required: false,
        schema: { type: 'string' },
        examples: { none: { value: '"none"' }, any: { value: '*' } },
      });
      get.parameters = get.parameters.filter(keeps);
    }
    const file = join(folder, 'openapi.json');
    await writeFile(file, JSON.stringify(document));
    return file;
  };
  type Found = { readonly operations: number; readonly cases: number; readonly statuses: ReadonlySet<number> };
  let searches = 0;
  const search = async (document: string, token: string, how: readonly string[]): Promise<Found> => {
    searches += 1;
    const report = join(folder, `${searches}.ndjson`);
    const args = [
      ...['run', document, '--url', gateway.apiUrl, '--header', `Authorization: Bearer ${token}`, '--checks', checks.join(',')],
      ...[...how, '--seed', '20260131', '--generation-deterministic', '--no-color'],
      ...['--workers', '2', '--warnings', 'off', '--report', 'ndjson', '--report-ndjson-path', report],
    ];
    const { stdout } = await run(await schemathesis(), args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }).catch((error: unknown) => {
      throw new Error(`schemathesis: ${(error as { stdout?: string }).stdout ?? String(error)}`);
    });
    const statuses = new Set([...(await readFile(report, 'utf8')).matchAll(/"status_code":(\d+)/g)].map(([, status]) => Number(status)));
    return {
      operations: Number(/Operations:\s+(\d+) selected/.exec(stdout)?.[1]),
      cases: Number(/Test cases:\s+(\d+)/.exec(stdout)?.[1] ?? /(\d+) generated/.exec(stdout)?.[1] ?? 0),
      statuses,
    };
  };

  test('gives no undocumented answer to good and bad requests of every operation', async () => {
    const phases = auth === 'none' ? 'examples' : 'examples,coverage';
    const { operations, cases, statuses } = await search(await seeded(), 'acme-token', ['--phases', phases]);
    expect(operations).toBe(operationNames.length);
    expect(cases).toBeGreaterThan(auth === 'none' ? operationNames.length : 400);
    expect([...statuses]).toEqual(expect.arrayContaining([200, 304, 503, ...(auth === 'none' ? [] : [401, 404, 405, 422])]));
    // Only what is not loaded fails on the server's side.
    expect([...statuses].filter((status) => status >= 500)).toEqual([503]);
  }, 300_000);

  test('answers 200 in the documented form to whatever the document allows', async () => {
    const file = await seeded((parameter) => parameter.name !== 'cursor' && parameter.in !== 'header');
    const { cases, statuses } = await search(file, 'acme-token', ['--phases', 'fuzzing', '--mode', 'positive', '--max-examples', '10']);
    expect(cases).toBeGreaterThan(operationNames.length);
    // Sets that may not be combined are told in words: OpenAPI has no other way.
    expect([...statuses].toSorted()).toEqual([200, 422, 503]);
  }, 300_000);

  if (auth === 'required')
    test('gives none to a key that is over its limit either', async () => {
      const { statuses } = await search(await seeded(), 'limited-token', ['--phases', 'examples']);
      expect([...statuses]).toContain(429);
    }, 300_000);
});
