/** An answer of the API server other than success. */

/** What the API server refused, with the Status reason that says why. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs: number | undefined) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Reads the Status object of a refusal; a body that is none (a proxy's page) is left out of the message. */
export const parseApiError = (status: number, body: string, retryAfter: string | undefined): ApiError => {
  const seconds = Number(retryAfter);
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  const fallback = new ApiError(status, 'Unknown', `the API server answered ${String(status)}`, retryAfterMs);
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null || !('message' in parsed)) return fallback;
    const reason = 'reason' in parsed && typeof parsed.reason === 'string' ? parsed.reason : 'Unknown';
    return new ApiError(status, reason, String(parsed.message), retryAfterMs);
  } catch {
    return fallback;
  }
};

/** The error when it is an ApiError of this status. */
export const isStatus = (error: unknown, status: number): boolean => error instanceof ApiError && error.status === status;

/** Another one's write came between, or the server is too busy: what was sent may be as good as any. */
const passing = new Set([409, 429]);

/** The API server's own reason for a refusal that stands until somebody changes something. */
export const refusalOf = (error: unknown): string | undefined =>
  error instanceof ApiError && !passing.has(error.status) ? error.message : undefined;
