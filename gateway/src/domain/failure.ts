/** What can become of a request besides an answer. Inner code returns these; only http/ knows status codes. */
export type InvalidParamCode =
  | 'unknown_param'
  | 'invalid_combination'
  | 'missing_param'
  | 'invalid_param'
  | 'invalid_columns'
  | 'invalid_limit'
  | 'invalid_offset'
  | 'invalid_cursor'
  | 'answer_too_long';
export type Failure =
  | { readonly kind: 'invalid_param'; readonly code: InvalidParamCode; readonly param: string | null; readonly message: string }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds: number; readonly message: string }
  | { readonly kind: 'not_ready'; readonly code: 'starting' | 'snapshot_not_ready'; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'bad_request'; readonly code: 'bad_request' | 'bad_encoding' | 'batch'; readonly message: string }
  | { readonly kind: 'method_not_allowed'; readonly allow: string }
  | { readonly kind: 'not_acceptable' }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'headers_too_large' }
  | { readonly kind: 'request_timeout' }
  | { readonly kind: 'internal' };
export type FailureKind = Failure['kind'];
type CodeOf<F> = F extends { readonly code: infer C } ? C : F extends { readonly kind: infer K } ? K : never;
/** What `error.code` can be. */
export type ErrorCode = CodeOf<Failure>;

export const status = {
  invalid_param: 422,
  unauthorized: 401,
  not_found: 404,
  gone: 410,
  rate_limited: 429,
  not_ready: 503,
  busy: 503,
  timeout: 504,
  bad_request: 400,
  method_not_allowed: 405,
  not_acceptable: 406,
  too_large: 413,
  headers_too_large: 431,
  request_timeout: 408,
  internal: 500,
} as const satisfies Record<FailureKind, number>;

/** What `error.family` is: what a client does about it, in few words. Framework-level failures use them too. */
export const families = {
  invalid_param: 'invalid_param',
  unauthorized: 'unauthorized',
  not_found: 'not_found',
  gone: 'gone',
  rate_limited: 'rate_limited',
  not_ready: 'not_ready',
  busy: 'busy',
  timeout: 'timeout',
  bad_request: 'invalid_param',
  method_not_allowed: 'invalid_param',
  not_acceptable: 'invalid_param',
  too_large: 'invalid_param',
  headers_too_large: 'invalid_param',
  request_timeout: 'invalid_param',
  internal: 'internal',
} as const satisfies Record<FailureKind, string>;

export const codeOf = (failure: Failure): ErrorCode => ('code' in failure ? failure.code : failure.kind);
