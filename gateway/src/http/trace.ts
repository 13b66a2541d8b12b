/** The caller's span, by W3C traceparent. */
import { parseTraceParent } from '@opentelemetry/core';
import type { Request } from 'express';
import type { Observation } from '../domain/observation.ts';

/** null when there is none, or one that cannot be read. */
export const traceOf = (request: Request): Extract<Observation, { kind: 'request_ended' }>['trace'] =>
  parseTraceParent(request.get('traceparent') ?? '');
