/** The answer to bytes that are no HTTP request: no route ever sees them, so they are answered on the socket. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

const refusals: Readonly<Record<string, readonly [string, string, string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'headers_too_large', 'the headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'request_timeout', 'the request did not come in time'],
};
const unreadable = ['400 Bad Request', 'bad_request', 'the request cannot be read'] as const;

/**
 * The target as routes read it: a path. An absolute one (RFC 9112 §3.2.2) loses scheme and host, which Node.js would otherwise
 * parse with a parser that warns about what it cannot read, value and all. null: no target that a server takes.
 */
export const targetOf = (url: string): string | null => {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '');
  if (path === '' || path.startsWith('?')) return path === url ? null : `/${path}`;
  return path.startsWith('/') ? path : null;
};

/** The answer to a request whose target no server takes. */
export const refuseTarget = (_request: IncomingMessage, response: ServerResponse): void => {
  const requestId = randomUUID();
  const [, code, message] = unreadable;
  const body = JSON.stringify({ error: { family: 'invalid_param', code, message }, meta: { request_id: requestId } });
  response
    .writeHead(400, {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'x-request-id': requestId,
      Connection: 'close',
    })
    .end(body);
};

/** Listener for `clientError`: the envelope of every other failure, and the end of the connection. */
export const answerUnreadable = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  // Reset by the client, or in the midst of an answer already.
  if (!socket.writable || error.code === 'ECONNRESET' || ('_httpMessage' in socket && socket['_httpMessage'] !== null)) {
    socket.destroy();
    return;
  }
  const [status, code, message] = refusals[error.code ?? ''] ?? unreadable;
  const requestId = randomUUID();
  const body = JSON.stringify({ error: { family: 'invalid_param', code, message }, meta: { request_id: requestId } });
  const headers = [
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `x-request-id: ${requestId}`,
    'Connection: close',
  ];
  socket.end(`HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
};
