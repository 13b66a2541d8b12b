// Every string that a request carries is only ever a string: a corpus of payloads through all of them, and what may never come back.
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { objectNames, payloads } from './corpus/payloads.ts';
import { apiKey, endpoint, startWorld, visitsDataset, type World } from './support/gateway.ts';
import { createLake, type Lake } from './support/lake.ts';

type Answer = { readonly status: number; readonly text: string; readonly headers: Record<string, string | string[] | undefined> };

let lake: Lake;
let world: World;
const canary = 'row-of-another-tenant';
beforeAll(async () => {
  lake = await createLake();
  await lake.publish(
    'a1',
    `SELECT *, TIMESTAMP '2026-01-01 12:00:00' AS at, true AS ok, 1.5::DOUBLE AS ratio
     FROM (VALUES ('acme', 'plain', DATE '2026-01-01', 1::BIGINT), ('beta', '${canary}', DATE '2026-01-02', 2::BIGINT)) t(tenant_id, label, day, visits)`,
  );
  const dataset = visitsDataset(lake.url);
  const schema = [
    { name: 'tenant_id', type: 'VARCHAR' },
    { name: 'label', type: 'VARCHAR' },
    { name: 'day', type: 'DATE' },
    { name: 'visits', type: 'BIGINT' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'ok', type: 'BOOLEAN' },
    { name: 'ratio', type: 'DOUBLE' },
  ];
  const select = ['label', 'day', 'visits'].map((column) => ({ as: column, column }));
  const spec = { query: { select }, columns: ['label', 'day', 'visits'] };
  const filtered = (params: object[], filters: object[], more: object = {}) => ({ ...spec, params, query: { select, filters }, ...more });
  world = await startWorld([
    { ...dataset, spec: { ...dataset.spec, schema } },
    endpoint('by_text', filtered([{ name: 'label', type: 'string' }], [{ column: 'label', op: 'eq', param: 'label' }])),
    endpoint('by_prefix', filtered([{ name: 'label', type: 'string' }], [{ column: 'label', op: 'like_prefix', param: 'label' }])),
    endpoint('by_list', filtered([{ name: 'labels', type: 'string', list: true }], [{ column: 'label', op: 'in', param: 'labels' }])),
    ...(['day date', 'visits integer', 'at timestamp', 'ok boolean', 'ratio number'] as const).flatMap((typed) => {
      const [column = '', type = ''] = typed.split(' ');
      const one = filtered([{ name: 'value', type }], [{ column, op: 'gte', param: 'value' }]);
      const several = filtered([{ name: 'value', type, list: true }], [{ column, op: 'in', param: 'value' }]);
      const isOrdered = column !== 'ok';
      return [
        endpoint(`one_${column}`, isOrdered ? one : filtered([{ name: 'value', type }], [{ column, op: 'eq', param: 'value' }])),
        ...(isOrdered ? [endpoint(`list_of_${column}`, several)] : []),
      ];
    }),
    endpoint('by_absence', filtered([{ name: 'value', type: 'boolean' }], [{ column: 'label', op: 'is_null', param: 'value' }])),
    endpoint(
      'by_choice',
      filtered(
        [{ name: 'label', type: 'enum', enum: ['plain', 'other'], aliases: { p: 'plain' } }],
        [{ column: 'label', op: 'eq', param: 'label' }],
      ),
    ),
    endpoint(
      'scanned',
      filtered([{ name: 'label', type: 'string' }], [{ column: 'label', op: 'eq', param: 'label' }], { servingMode: 'RemoteScan' }),
    ),
    apiKey('acme'),
    apiKey('beta'),
  ]);
});
afterAll(async () => {
  await world.end();
  await lake.remove();
});

/** One request with exactly these bytes in its target and headers. */
const ask = async (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: world.gateway.apiPort, path, headers: { authorization: 'Bearer acme-token', ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode!, text: Buffer.concat(parts).toString(), headers: response.headers }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end();
  });

const leaks =
  /SELECT |FROM |WHERE |duckdb|DuckDB|read_parquet|\.ts:|\.js:|node_modules|at Object\.|\/tmp\/|snapshots\/|Error:|root:x:0|Conversion|Binder|Parser/;
/** What no answer may hold, whatever was asked. */
const faults = (payload: string, { status, text, headers }: Answer): readonly string[] => {
  const isError = status >= 400;
  const echoes =
    isError &&
    payload.trim().length > 3 &&
    !objectNames.includes(payload) &&
    (text.includes(payload) || JSON.stringify(headers).includes(payload));
  return [
    ...(status >= 500 ? [`status ${status}`] : []),
    ...(text.includes(canary) ? ["a row of another tenant's"] : []),
    ...(isError && leaks.test(text) ? [`leaks ${String(leaks.exec(text)?.[0])}`] : []),
    ...(echoes && payload !== 'undefined' && payload !== 'null' && payload !== 'true' ? ['echoes the payload'] : []),
    ...(headers['x-injected'] !== undefined || headers['set-cookie'] !== undefined ? ['a header of the payload'] : []),
    ...(/^[[{]/.test(text) || (status === 304 && text === '') ? [] : [`an answer that is not JSON: ${text.slice(0, 40)}`]),
  ];
};

/** Sends every payload and collects what is wrong; `allowed` are the statuses that may come. */
const sweep = async (send: (payload: string) => Promise<Answer | null>, allowed: readonly number[]): Promise<readonly string[]> => {
  const wrong: string[] = [];
  const left = payloads.values();
  const asker = async (): Promise<void> => {
    for (const payload of left) {
      const answer = await send(payload);
      if (answer === null) continue;
      const found = [...faults(payload, answer), ...(allowed.includes(answer.status) ? [] : [`status ${answer.status}`])];
      for (const fault of found) wrong.push(`${JSON.stringify(payload).slice(0, 60)}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, asker));
  return wrong;
};
const encoded = encodeURIComponent;
const rowsOf = ({ text }: Answer): readonly unknown[] => (JSON.parse(text) as { data?: readonly unknown[] }).data ?? [];
/** Node.js itself refuses to send these in a header. */
const isSendable = (payload: string): boolean =>
  /^[\t\x20-\x7e\x80-\xff]*$/.test(payload) && payload.trim() === payload && payload.length < 3000;

test('the corpus has at least 150 payloads', () => {
  expect(payloads.length).toBeGreaterThanOrEqual(150);
});

describe('a payload in a parameter', () => {
  test.each(['by_text', 'by_prefix', 'scanned'])('of %s matches nothing and changes no query', async (name) => {
    const wrong = await sweep(
      async (payload) => {
        const answer = await ask(`/v1/endpoints/${name}?label=${encoded(payload)}`);
        if (answer.status === 200 && rowsOf(answer).length > 0) return { ...answer, status: 599 };
        return answer;
      },
      [200],
    );
    expect(wrong).toEqual([]);
  });

  test('of a list matches nothing', async () => {
    const wrong = await sweep(
      async (payload) => {
        const answer = await ask(`/v1/endpoints/by_list?labels=${encoded(payload)},${encoded(payload)}`);
        return answer.status === 200 && rowsOf(answer).length > 0 ? { ...answer, status: 599 } : answer;
      },
      [200, 422],
    );
    expect(wrong).toEqual([]);
  });

  const lists = ['day', 'visits', 'at', 'ratio'].map((column) => `list_of_${column}?value`);
  test.each([...['day', 'visits', 'at', 'ratio'].map((column) => `one_${column}?value`), 'by_choice?label'])(
    'of %s is refused',
    async (target) => {
      // Some read as a number: a long row of nines is out of every range, everything else is none.
      expect(await sweep(async (payload) => ask(`/v1/endpoints/${target}=${encoded(payload)}`), [422])).toEqual([]);
    },
  );

  test.each(['one_ok?value', 'by_absence?value'])('of %s is refused, but for what is a boolean', async (target) => {
    const send = async (payload: string): Promise<Answer | null> =>
      payload === 'true' ? null : ask(`/v1/endpoints/${target}=${encoded(payload)}`);
    expect(await sweep(send, [422])).toEqual([]);
  });

  test.each(lists)('among the items of %s is refused', async (target) => {
    const good = { day: '2026-01-01', visits: '1', at: '2026-01-01T12:00:00Z', ratio: '1.5' };
    const one = good[/list_of_(\w+)/.exec(target)![1] as keyof typeof good];
    expect(await sweep(async (payload) => ask(`/v1/endpoints/${target}=${one},${encoded(payload)}`), [422])).toEqual([]);
    expect(rowsOf(await ask(`/v1/endpoints/${target}=${one},${one}`))).toHaveLength(1);
  });

  test.each(['limit', 'offset', 'columns', 'cursor'])('called %s is refused', async (name) => {
    expect(await sweep(async (payload) => ask(`/v1/endpoints/by_text?${name}=${encoded(payload)}`), [422])).toEqual([]);
  });

  test('as its name is refused', async () => {
    expect(await sweep(async (payload) => ask(`/v1/endpoints/by_text?${encoded(payload)}=1`), [422])).toEqual([]);
  });

  test('sent raw, as far as HTTP allows, is refused or a string', async () => {
    const raw = async (payload: string): Promise<Answer | null> =>
      /^[\x21-\x7e]+$/.test(payload) ? ask(`/v1/endpoints/by_text?label=${payload}`) : null;
    expect(await sweep(raw, [200, 400, 422])).toEqual([]);
  });
});

describe('a payload in the path', () => {
  test.each(['', '.csv', '.parquet'])('is no endpoint%s', async (suffix) => {
    expect(await sweep(async (payload) => ask(`/v1/endpoints/${encoded(payload)}${suffix}`), [404])).toEqual([]);
  });

  test('as it is, is no route', async () => {
    const raw = async (payload: string): Promise<Answer | null> => (/^[\x21-\x7e]+$/.test(payload) ? ask(`/${payload}`) : null);
    expect(await sweep(raw, [400, 404])).toEqual([]);
  });
});

describe('a payload in a header', () => {
  test.each([
    'x-request-id',
    'if-none-match',
    'origin',
    'host',
    'traceparent',
    'tracestate',
    'x-forwarded-for',
    'x-forwarded-host',
    'user-agent',
    'cookie',
    'range',
    'referer',
  ])('%s changes no answer', async (name) => {
    const wrong = await sweep(
      async (payload) => (isSendable(payload) ? ask('/v1/endpoints/by_text', { [name]: payload }) : null),
      [200, 304, 400],
    );
    expect(wrong).toEqual([]);
  });

  test('Accept is met or is 406', async () => {
    expect(
      await sweep(async (payload) => (isSendable(payload) ? ask('/v1/endpoints/by_text', { accept: payload }) : null), [200, 406]),
    ).toEqual([]);
  });

  test.each(['Bearer ', 'Basic ', ''])('Authorization "%s…" is 401, the same for all', async (scheme) => {
    const bodies = new Set<string>();
    const wrong = await sweep(
      async (payload) => {
        if (!isSendable(payload)) return null;
        const answer = await ask('/v1/endpoints/by_text', { authorization: `${scheme}${payload}` });
        bodies.add(answer.text.replace(/"request_id":"[^"]+"/, ''));
        return answer;
      },
      [401],
    );
    expect(wrong).toEqual([]);
    expect(bodies.size).toBe(1);
  });
});

describe('a payload in a message to the tools', () => {
  /** One message with exactly this JSON; a failed call has the status that the endpoint would have had. */
  const tell = async (message: object, more: Record<string, string> = {}): Promise<Answer> => {
    const url = `http://127.0.0.1:${world.gateway.apiPort}/mcp`;
    const headers = { authorization: 'Bearer acme-token', 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...more };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }) });
    const text = await response.text();
    const answered = { text, headers: Object.fromEntries(response.headers) };
    const { result, error } = JSON.parse(text) as { result?: { isError?: boolean; content?: [{ text: string }] }; error?: object };
    const failed = result?.isError === true ? 422 : error === undefined ? response.status : Math.max(response.status, 400);
    return { ...answered, status: failed, text: result?.content?.[0].text ?? text };
  }; // prettier-ignore
  const call = async (name: string, args: unknown): Promise<Answer> => tell({ method: 'tools/call', params: { name, arguments: args } });
  const without = (answer: Answer): Answer => (answer.status === 200 && rowsOf(answer).length > 0 ? { ...answer, status: 599 } : answer);

  test.each([
    ['by_text', 'label'],
    ['by_list', 'labels'],
  ])('as an argument of %s matches nothing', async (name, argument) => {
    const value = (payload: string): unknown => (argument === 'labels' ? [payload, payload] : payload);
    expect(await sweep(async (payload) => without(await call(name, { [argument]: value(payload) })), [200])).toEqual([]);
  });

  test.each(['one_at', 'list_of_visits'])('as an argument of %s is refused', async (name) => {
    const value = (payload: string): unknown => (name.startsWith('list') ? [payload] : payload);
    expect(await sweep(async (payload) => call(name, { value: value(payload) }), [422])).toEqual([]);
  });

  test.each(['columns', 'cursor'])('as %s is refused', async (name) => {
    expect(await sweep(async (payload) => call('by_text', { [name]: payload }), [422])).toEqual([]);
  });

  test('as the name of an argument, of a tool or of a method is refused', async () => {
    const named = async (payload: string): Promise<Answer> => call('by_text', JSON.parse(`{${JSON.stringify(payload)}:"1"}`));
    expect(await sweep(named, [422])).toEqual([]);
    const bodies = new Set<string>();
    const tool = async (payload: string): Promise<Answer> => {
      const answer = await call(payload, {});
      bodies.add(answer.text);
      return answer;
    };
    expect(await sweep(tool, [422])).toEqual([]);
    expect(bodies.size).toBe(1);
    expect(await sweep(async (payload) => tell({ method: payload }), [400])).toEqual([]);
  });

  test('as what a list of tools goes on from lists tools of the key at most', async () => {
    const page = async (payload: string): Promise<Answer> => tell({ method: 'tools/list', params: { cursor: payload } });
    expect(await sweep(page, [200])).toEqual([]);
  });

  test.each(['x-request-id', 'mcp-session-id'])('as header %s changes nothing', async (name) => {
    const send = async (payload: string): Promise<Answer | null> =>
      isSendable(payload) ? tell({ method: 'tools/call', params: { name: 'by_text', arguments: {} } }, { [name]: payload }) : null;
    expect(await sweep(send, [200])).toEqual([]);
  });

  test('as a key is 401', async () => {
    const send = async (payload: string): Promise<Answer | null> =>
      isSendable(payload) ? tell({ method: 'tools/list' }, { authorization: `Bearer ${payload}` }) : null;
    expect(await sweep(send, [401])).toEqual([]);
  });
});

test('after all of it the data is what it was, nothing is logged over two lines, and no metric has a name of the corpus', async () => {
  expect(rowsOf(await ask('/v1/endpoints/by_text'))).toEqual([{ label: 'plain', day: '2026-01-01', visits: 1 }]);
  expect(rowsOf(await ask('/v1/endpoints/by_text', { authorization: 'Bearer beta-token' }))).toHaveLength(1);
  // A request id may be chosen by the client, within its alphabet; nothing else of a request is told.
  for (const event of world.observed)
    expect(JSON.stringify({ ...event, requestId: null })).not.toMatch(/DROP TABLE|etc\/passwd|onerror|jndi/);
  const page = await (await world.admin('/metrics')).text();
  expect(page).not.toMatch(/DROP|passwd|__proto__/);
  expect(({} as Record<string, unknown>)['1']).toBeUndefined();
});
