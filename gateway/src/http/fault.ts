/** Errors that Express hands over: of a request that it cannot serve, or bugs of ours. */
import type { Observe } from '../domain/observation.ts';

/** The 4xx of a request that cannot be served (a path that does not decode, a precondition, a body too long); null for a bug, which is logged. */
export const clientStatus = (error: unknown, observe: Observe, requestId?: string): number | null => {
  const { status } = (error ?? {}) as { readonly status?: unknown };
  if (typeof status === 'number' && status >= 400 && status < 500) return status;
  observe({
    kind: 'crashed',
    ...(requestId === undefined ? {} : { requestId }),
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return null;
};
