/**
 * POST /mcp: the caller's endpoints as tools of the Model Context Protocol (streamable HTTP). There are no sessions, so that any
 * replica answers any request. A call is a request to the endpoint itself: same keys, tenants, limits, cache, log and metrics.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, type CallToolResult, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { CompiledKey, Result } from '@offloader/contract';
import type { Request, Response } from 'express';
import type { Failure } from '../domain/failure.ts';
import { callable, queryOf, toolOf } from '../domain/mcp-tools.ts';
import type { Live } from '../domain/serving.ts';

export type McpOptions = {
  readonly live: () => Live;
  readonly identify: (live: Live, request: Request) => Result<CompiledKey | null, { readonly failure: Failure }>;
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

const answer = (status: number, text: string): CallToolResult => ({
  ...(status === 200 ? { structuredContent: JSON.parse(text) as Record<string, unknown> } : { isError: true }),
  content: [{ type: 'text', text }],
});

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
  ({ live, identify, baseUrl, version }: McpOptions) =>
  async (request: Request, response: Response, requestId: string): Promise<Failure | null> => {
    const now = live();
    const caller = identify(now, request);
    if (!caller.ok) return caller.error.failure;
    const endpoints = callable(now, caller.value);
    // Its successor takes schemas of a validation library; ours come from the manifests, as JSON Schema.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const server = new Server({ name: 'offloader', version }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: endpoints.map(toolOf) }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
      // A name that is not granted is answered like one that is not there.
      if (!endpoints.some(({ name }) => name === params.name)) return toolError('not_found', 'there is no such endpoint');
      const query = queryOf(params.arguments ?? {});
      if (!query.ok) return toolError('invalid_param', 'arguments are text, numbers, booleans or lists of them');
      return ask(`${baseUrl()}/v1/endpoints/${params.name}${query.value === '' ? '' : `?${query.value}`}`, request, requestId);
    });
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.once('close', () => void server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
    return null;
  };
