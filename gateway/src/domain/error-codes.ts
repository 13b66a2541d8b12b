/** Every word that `error.code` can be: what it means, and what its reader does. The documents and docs/clients.md tell them from here. Pure. */
import { type ErrorCode, type FailureKind, families, status } from './failure.ts';

type Told = { readonly kind: FailureKind; readonly meaning: string; readonly remedy: string };

const later = 'ask again after `Retry-After`';

/** By status. */
const told: Readonly<Record<ErrorCode, Told>> = {
  bad_request: { kind: 'bad_request', meaning: 'the request cannot be read', remedy: 'mend its path, its framing or its body' },
  bad_encoding: {
    kind: 'bad_request',
    meaning: 'the query string is not percent-encoded UTF-8',
    remedy: 'encode names and values',
  },
  batch: { kind: 'bad_request', meaning: 'several messages to `/mcp` in one request', remedy: 'send one message in a request' },
  unauthorized: {
    kind: 'unauthorized',
    meaning: 'there is no valid API key: none, one that is unknown, revoked or expired, or another form of header',
    remedy: 'send one `Authorization: Bearer <key>` with a key that is valid',
  },
  not_found: {
    kind: 'not_found',
    meaning: 'there is no such path or endpoint, or the key is not granted it',
    remedy: 'look the name up; ask for the grant',
  },
  method_not_allowed: { kind: 'method_not_allowed', meaning: 'the path does not take this method', remedy: 'use one of `Allow`' },
  not_acceptable: {
    kind: 'not_acceptable',
    meaning: 'none of the types in `Accept` can be answered',
    remedy: 'accept one that can, or use a suffix',
  },
  request_timeout: { kind: 'request_timeout', meaning: 'the request did not come in time', remedy: 'send it whole' },
  gone: { kind: 'gone', meaning: 'the snapshot of the cursor is no longer kept', remedy: 'start the pages again without the cursor' },
  too_large: { kind: 'too_large', meaning: 'the request has a body of more than 1 MB', remedy: 'send none, or a shorter message' },
  unknown_param: {
    kind: 'invalid_param',
    meaning: 'a parameter that the endpoint does not have',
    remedy: 'leave it out; the message lists those that it has',
  },
  invalid_combination: {
    kind: 'invalid_param',
    meaning: 'parameters that cannot be used together',
    remedy: 'send one of the sets that the message lists',
  },
  missing_param: { kind: 'invalid_param', meaning: 'a required parameter is missing', remedy: 'send `error.param`' },
  invalid_param: {
    kind: 'invalid_param',
    meaning: 'a value that the parameter does not take',
    remedy: 'send `error.param` as the message says: type, bounds, values or pattern',
  },
  invalid_columns: { kind: 'invalid_param', meaning: 'a column that is not answered', remedy: 'name columns that the message lists' },
  invalid_limit: { kind: 'invalid_param', meaning: '`limit` is out of its range', remedy: 'stay in the range that the message says' },
  invalid_offset: { kind: 'invalid_param', meaning: '`offset` is out of its range', remedy: 'send an integer of 0 or more' },
  invalid_cursor: {
    kind: 'invalid_param',
    meaning: 'the cursor was made for other parameters or another caller, was changed, or comes with `offset`',
    remedy: 'send `meta.next_cursor` as it came, with the same parameters and key',
  },
  answer_too_long: {
    kind: 'invalid_param',
    meaning: 'the Parquet file is larger than may be made',
    remedy: 'lower `limit`, name fewer columns, or ask for another form',
  },
  rate_limited: { kind: 'rate_limited', meaning: "the key's limit is reached", remedy: later },
  headers_too_large: { kind: 'headers_too_large', meaning: 'the headers are too large', remedy: 'send a shorter URL or fewer headers' },
  internal: {
    kind: 'internal',
    meaning: 'something is wrong on our side',
    remedy: 'tell the operators `meta.request_id`: it names the cause in the log',
  },
  starting: { kind: 'not_ready', meaning: 'the gateway has no configuration yet', remedy: later },
  snapshot_not_ready: { kind: 'not_ready', meaning: 'the data is not loaded yet', remedy: later },
  busy: { kind: 'busy', meaning: 'no connection is free, no place for another long answer, or no room for a Parquet file', remedy: later },
  timeout: { kind: 'timeout', meaning: 'the query took too long', remedy: 'ask for less: a smaller `limit`, narrower filters' },
};

export type ErrorCase = {
  readonly status: number;
  readonly family: string;
  readonly code: string;
  readonly meaning: string;
  readonly remedy: string;
};

export const errorCases: readonly ErrorCase[] = Object.entries(told).map(([code, { kind, meaning, remedy }]) => ({
  status: status[kind],
  family: families[kind],
  code,
  meaning,
  remedy,
}));
