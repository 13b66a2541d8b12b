/** The one form of answers and errors on the API port. */
import type { Response } from 'express';
import { type Failure, status } from '../domain/failure.ts';

/** Families that clients know; framework-level failures use them too. */
const families = {
  invalid_param: 'invalid_param', unauthorized: 'unauthorized', not_found: 'not_found', gone: 'gone', rate_limited: 'rate_limited', not_ready: 'not_ready',
  busy: 'busy', timeout: 'timeout', bad_request: 'invalid_param', method_not_allowed: 'invalid_param', not_acceptable: 'invalid_param', too_large: 'invalid_param',
  internal: 'internal',
} as const satisfies Record<Failure['kind'], string>; // prettier-ignore

const messages = {
  unauthorized: 'a valid API key is required: Authorization: Bearer <key>',
  not_found: 'there is no such endpoint',
  gone: 'the snapshot of this cursor is no longer kept; start again without it',
  not_ready: 'the data is not loaded yet; try again',
  busy: 'the server is busy; try again',
  timeout: 'the query took too long; ask for less',
  method_not_allowed: 'this path takes GET and HEAD',
  not_acceptable: 'none of the types in Accept can be answered; see the documentation for those that can',
  too_large: 'the request is too large',
  internal: 'internal error; the request id names it in our log',
} as const;

const messageOf = (failure: Failure): string => ('message' in failure ? failure.message : messages[failure.kind]);
const codeOf = (failure: Failure): string => ('code' in failure ? failure.code : failure.kind);

const headersOf = (failure: Failure): Readonly<Record<string, string>> => ({
  'Cache-Control': 'no-store',
  ...('retryAfterSeconds' in failure ? { 'Retry-After': String(failure.retryAfterSeconds) } : {}),
  ...(failure.kind === 'unauthorized' ? { 'WWW-Authenticate': 'Bearer' } : {}),
  ...(failure.kind === 'method_not_allowed' ? { Allow: failure.allow } : {}),
});

/** Answers a failure; nothing of the request's values stands in it. */
export const sendFailure = (response: Response, failure: Failure, requestId: string): void => {
  const param = failure.kind === 'invalid_param' && failure.param !== null ? { param: failure.param } : {};
  const body = {
    error: { family: families[failure.kind], code: codeOf(failure), message: messageOf(failure), ...param },
    meta: { request_id: requestId },
  };
  const bytes = Buffer.from(JSON.stringify(body));
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
