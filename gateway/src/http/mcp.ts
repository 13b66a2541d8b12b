/**
 * POST /mcp: the caller's endpoints as tools of the Model Context Protocol (streamable HTTP). There are no sessions, so that any
 * replica answers any request. A call is a request to the endpoint itself: same keys, tenants, limits, cache, log and metrics.
 * Every other message counts as one request of its key.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, type CallToolResult, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { CompiledKey, Result } from '@offloader/contract';
import type { Request, Response } from 'express';
import type { Failure } from '../domain/failure.ts';
import { exactJson, isCallable, queryOf, toolPage } from '../domain/mcp-tools.ts';
import type { Live } from '../domain/serving.ts';
import { accessOf } from './access.ts';
import type { Refused } from './admit.ts';
import type { Limits } from './limits.ts';

export type McpOptions = {
  readonly live: () => Live;
  readonly identify: (live: Live, request: Request) => Result<CompiledKey | null, Refused>;
  readonly limits: Limits;
  readonly now: () => number;
  /** Called with a key's id when it was used. */
  readonly onKeyUsed: (id: string) => void;
  /** Where this process itself reaches the API, for calls. */
  readonly baseUrl: () => string;
  readonly version: string;
};

/** More than this helps no model; the caller is asked to narrow. */
const maxAnswerBytes = 1_000_000;

const toolError = (family: string, message: string): CallToolResult => ({
  isError: true,
  content: [{ type: 'text', text: JSON.stringify({ error: { family, message } }) }],
});

/** Without its structured form where a number of it would lose digits: the text has them all. */
const answer = (status: number, text: string): CallToolResult => {
  const structured = status === 200 ? exactJson(text) : null;
  return {
    ...(status === 200 ? {} : { isError: true }),
    ...(structured === null ? {} : { structuredContent: structured as Record<string, unknown> }),
    content: [{ type: 'text', text }],
  };
};

/** Each of a batch would be answered at once, by one request; the protocol has none since its version of 2025-06-18. */
const noBatch: Failure = { kind: 'bad_request', code: 'batch', message: 'send one message in a request; there are no batches' };

/** As they were sent, once the SDK has found them well formed: its own copy leaves out a name such as __proto__, which is to be refused. */
const argumentsOf = ({ body }: Request): Readonly<Record<string, unknown>> =>
  (body as { readonly params: { readonly arguments?: Readonly<Record<string, unknown>> } }).params.arguments ?? {};

const passedOn = ['authorization', 'traceparent', 'tracestate'] as const;

/** One endpoint, asked as the caller would; an answer that grows too long is broken off, and so is one that nobody waits for. */
const ask = async (url: string, caller: Request, requestId: string): Promise<CallToolResult> => {
  const headers = passedOn.flatMap((name): [string, string][] => {
    const value = caller.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const stop = new AbortController();
  const gone = (): void => stop.abort();
  caller.socket.once('close', gone);
  try {
    const response = await fetch(url, {
      headers: [...headers, ['accept', 'application/json'], ['x-request-id', requestId]],
      signal: stop.signal,
      redirect: 'error',
    });
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      parts.push(part);
      bytes += part.length;
      if (bytes > maxAnswerBytes) return toolError('invalid_param', 'the answer is longer than 1 MB; lower limit or name fewer columns');
    }
    return answer(response.status, Buffer.concat(parts).toString('utf8'));
  } finally {
    caller.socket.off('close', gone);
    stop.abort();
  }
};

/** The handler of POST /mcp; its body has been parsed. Rejects only for bugs. */
export const createMcp =
  ({ live, identify, limits, now, onKeyUsed, baseUrl, version }: McpOptions) =>
  async (request: Request, response: Response, requestId: string): Promise<Failure | null> => {
    const current = live();
    const caller = identify(current, request);
    const key = caller.ok ? caller.value : null;
    const keyId = caller.ok ? (key?.id ?? null) : caller.error.keyId;
    accessOf(response).tell({ keyId });
    if (!caller.ok) return caller.error.failure;
    if (Array.isArray(request.body)) return noBatch;
    // A call is counted and told by its endpoint.
    const isCall = (request.body as { readonly method?: unknown } | undefined)?.method === 'tools/call';
    if (!isCall) {
      if (key !== null) onKeyUsed(key.id);
      const over = key === null ? undefined : limits.take(key, now(), response);
      if (over !== undefined) return over;
    }
    // Its successor takes schemas of a validation library; ours come from the manifests, as JSON Schema.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const server = new Server({ name: 'offloader', version }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, ({ params }) => toolPage(current, key, params?.cursor));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
      // A name that is not granted is answered like one that is not there.
      if (!isCallable(current.endpoints.get(params.name), key)) return toolError('not_found', 'there is no such endpoint');
      const query = queryOf(argumentsOf(request));
      if (!query.ok) return toolError('invalid_param', query.error);
      accessOf(response).leave();
      return ask(`${baseUrl()}/v1/endpoints/${params.name}${query.value === '' ? '' : `?${query.value}`}`, request, requestId);
    });
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.once('close', () => void server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
    return null;
  };
