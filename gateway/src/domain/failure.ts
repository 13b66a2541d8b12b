/** What can become of a request besides an answer. Inner code returns these; only http/ knows status codes. */
export type Failure =
  | { readonly kind: 'invalid_param'; readonly code: string; readonly param: string | null; readonly message: string }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds: number; readonly message: string }
  | { readonly kind: 'not_ready'; readonly code: string; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'bad_request'; readonly code: string; readonly message: string }
  | { readonly kind: 'method_not_allowed'; readonly allow: string }
  | { readonly kind: 'not_acceptable' }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'internal' };
export type FailureKind = Failure['kind'];
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
  internal: 500,
} as const satisfies Record<FailureKind, number>;
