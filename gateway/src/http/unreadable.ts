/** The answer to bytes that are no HTTP request: no route ever sees them, so they are answered on the socket. */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Failure, status } from '../domain/failure.ts';
import { failureBody } from './envelope.ts';

/** What a port asks of answers to what its routes never see. */
export type BelowRoutes = {
  /** Headers of every answer of the port, whoever asks. */
  readonly headers: Readonly<Record<string, string>>;
  /** Told of each such answer; `method` is null where the bytes are no request at all. */
  readonly refused: (refused: { readonly requestId: string; readonly method: string | null; readonly status: number }) => void;
};

const refusals: Readonly<Record<string, Failure>> = {
  HPE_HEADER_OVERFLOW: { kind: 'headers_too_large' },
  ERR_HTTP_REQUEST_TIMEOUT: { kind: 'request_timeout' },
};
export const unreadable: Failure = { kind: 'bad_request', code: 'bad_request', message: 'the request cannot be read' };

const refuse = (failure: Failure, method: string | null, { headers: common, refused }: BelowRoutes) => {
  const requestId = randomUUID();
  const body = failureBody(failure, requestId);
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...common,
    'x-request-id': requestId,
    Connection: 'close',
  };
  const code = status[failure.kind];
  refused({ requestId, method, status: code });
  return { code, headers, body };
};

/**
 * The target as routes read it: a path. An absolute one (RFC 9112 §3.2.2) loses scheme and host, which Node.js would otherwise
 * parse with a parser that warns about what it cannot read, value and all. null: no target that a server takes.
 */
const targetOf = (url: string): string | null => {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '');
  if (path === '' || path.startsWith('?')) return path === url ? null : `/${path}`;
  return path.startsWith('/') ? path : null;
};

/** RFC 9112 §3.2: a request of HTTP/1.1 names its host, once. */
const namesHost = ({ httpVersion, headersDistinct }: IncomingMessage): boolean =>
  httpVersion === '1.0' ? (headersDistinct['host']?.length ?? 0) <= 1 : headersDistinct['host']?.length === 1;

/** What routes may see; what may not is answered here with a 400. */
export const routable = (request: IncomingMessage, response: ServerResponse, port: BelowRoutes): boolean => {
  const target = namesHost(request) ? targetOf(request.url ?? '') : null;
  if (target === null) {
    const { code, headers, body } = refuse(unreadable, request.method ?? null, port);
    response.writeHead(code, headers).end(body);
    return false;
  }
  request.url = target;
  return true;
};

/** Listener for `clientError`: the envelope of every other failure, and the end of the connection. */
export const answerUnreadable =
  (port: BelowRoutes) =>
  (error: NodeJS.ErrnoException, socket: Duplex): void => {
    // Reset by the client, or in the midst of an answer already.
    if (!socket.writable || error.code === 'ECONNRESET' || ('_httpMessage' in socket && socket['_httpMessage'] !== null)) {
      socket.destroy();
      return;
    }
    const { code, headers, body } = refuse(refusals[error.code ?? ''] ?? unreadable, null, port);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ''}\r\n${lines.join('')}\r\n${body}`);
  };
