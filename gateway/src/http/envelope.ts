/** The one form of answers and errors on the API port. */
import type { Response } from 'express';
import { codeOf, type Failure, families, status } from '../domain/failure.ts';
import { mediaTypes } from '../domain/format.ts';

/** Bodies are read by /mcp alone; one that is longer than this is refused. */
export const maxBodyBytes = 1_000_000;
export const maxHeaderBytes = 16 * 1024;

const messages = {
  unauthorized: 'a valid API key is required: Authorization: Bearer <key>',
  not_found: 'there is no such endpoint',
  gone: 'the snapshot of this cursor is no longer kept; start again without it',
  not_ready: 'the data is not loaded yet; try again',
  busy: 'the server is busy; try again',
  timeout: 'the query took too long; ask for less',
  not_acceptable: `none of the types in Accept can be answered; these can: ${Object.values(mediaTypes).join(', ')}`,
  too_large: `a body has at most ${maxBodyBytes} bytes`,
  headers_too_large: `the headers have at most ${maxHeaderBytes} bytes together`,
  request_timeout: 'the request did not come in time',
  internal: 'internal error; the request id names it in our log',
} as const;

const messageOf = (failure: Failure): string => {
  if (failure.kind === 'method_not_allowed') return `this path takes ${failure.allow}`;
  return 'message' in failure ? failure.message : messages[failure.kind];
};

/** The body of a failure; nothing of the request's values stands in it. */
export const failureBody = (failure: Failure, requestId: string): string => {
  const param = failure.kind === 'invalid_param' && failure.param !== null ? { param: failure.param } : {};
  const error = { family: families[failure.kind], code: codeOf(failure), message: messageOf(failure), ...param };
  return JSON.stringify({ error, meta: { request_id: requestId } });
};

const headersOf = (failure: Failure): Readonly<Record<string, string>> => ({
  'Cache-Control': 'no-store',
  ...('retryAfterSeconds' in failure ? { 'Retry-After': String(failure.retryAfterSeconds) } : {}),
  ...(failure.kind === 'unauthorized' ? { 'WWW-Authenticate': 'Bearer' } : {}),
  ...(failure.kind === 'method_not_allowed' ? { Allow: failure.allow } : {}),
});

/** Answers a failure. */
export const sendFailure = (response: Response, failure: Failure, requestId: string): void => {
  const bytes = Buffer.from(failureBody(failure, requestId));
  response
    .status(status[failure.kind])
    .set(headersOf(failure))
    .set({ 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': String(bytes.length) });
  response.end(bytes);
};

/** Answers rows that are JSON already, meta written around them. */
export const sendPage = (response: Response, data: Buffer, meta: Readonly<Record<string, unknown>>): void => {
  const [head, tail] = [Buffer.from('{"data":'), Buffer.from(`,"meta":${JSON.stringify(meta)}}`)];
  response
    .status(200)
    .set({ 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': String(head.length + data.length + tail.length) });
  response.end(Buffer.concat([head, data, tail]));
};
