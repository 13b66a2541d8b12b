// Requests as no client library sends them, on a public gateway.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { endpoint, startWorld, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake, visits } from './support/lake.ts';
import { rawAnswer, rawRequest } from './support/raw.ts';

let lake: Lake;
let world: World;
const path = '/v1/endpoints/daily';
const ask = async (text: string): Promise<string> => rawAnswer(world.gateway.apiPort, text);

beforeAll(async () => {
  lake = await createLake();
  await lake.publish('a1', visits(1));
  world = await startWorld([visitsDataset(lake.url, { tenantColumn: undefined }), endpoint('daily', { tenant: undefined })], { OFFLOADER_AUTH: 'none' });
}); // prettier-ignore
afterAll(async () => {
  await world.end();
  await lake.remove();
});

describe('a request', () => {
  test.each([
    ['a path that cannot be decoded', 'GET /v1/endpoints/%ff HTTP/1.1', 400],
    ['a query that cannot be decoded', `GET ${path}?from=%ff HTTP/1.1`, 400],
    ['an absolute address', `GET http://x${path} HTTP/1.1`, 200],
    ['two slashes', `GET /${path} HTTP/1.1`, 404],
    ['another case', `GET ${path.toUpperCase()} HTTP/1.1`, 404],
    ['a slash in the name', 'GET /v1/endpoints/a%2Fdaily HTTP/1.1', 404],
    ['a way up', 'GET /v1/endpoints/../../diagnostics HTTP/1.1', 404],
    ['an admin path', 'GET /metrics HTTP/1.1', 404],
    ['a question mark alone', `GET ${path}? HTTP/1.1`, 200],
    ['ampersands alone', `GET ${path}?&& HTTP/1.1`, 200],
  ])('with %s', async (_what, line, status) => {
    const answer = await ask(rawRequest(line));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff');
    expect(answer).toContain('"request_id":"');
  });

  test('of HTTP/1.0, or with an expectation that nobody knows, is answered', async () => {
    expect(await ask(`GET ${path} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await ask(rawRequest(`GET ${path} HTTP/1.1`, 'Expect: miracles'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each([
    ['is no HTTP at all', 'hello\r\n\r\n', 400],
    ['has a header without a name', rawRequest(`GET ${path} HTTP/1.1`, ': x'), 400],
    ['has two lengths', rawRequest(`GET ${path} HTTP/1.1`, 'Content-Length: 1', 'Content-Length: 2'), 400],
    ['names no host', `GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400],
    ['names two hosts', rawRequest(`GET ${path} HTTP/1.1`, 'Host: y'), 400],
    ['has 20 kB of headers', rawRequest(`GET ${path} HTTP/1.1`, `X-Long: ${'a'.repeat(20_000)}`), 431],
  ])('that %s is refused in the envelope', async (_what, text, status) => {
    const answer = await ask(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const { error, meta } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
    expect([error.family, answer.includes(`x-request-id: ${meta.request_id}`)]).toEqual(['invalid_param', true]);
  });
});
