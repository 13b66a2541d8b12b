/** The caller's span, by W3C Trace Context. */
import { parseTraceParent, TraceState } from '@opentelemetry/core';
import type { Request } from 'express';
import type { CallerSpan } from '../domain/observation.ts';

/** null when there is none, or one that cannot be read: then its tracestate counts for nothing either (§3.3 of the standard). */
export const traceOf = (request: Request): CallerSpan | null => {
  const parent = parseTraceParent(request.get('traceparent') ?? '');
  const states = request.get('tracestate');
  if (parent === null || states === undefined) return parent;
  // What vendors say in it is for the span and no line of the log.
  return Object.defineProperty(parent, 'traceState', { value: new TraceState(states), enumerable: false });
};
