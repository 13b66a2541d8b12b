/** The access log: one line for each request, whoever answers it, when it has been answered. */
import type { Request, Response } from 'express';
import type { Observation, Observe } from '../domain/observation.ts';
import { traceOf } from './trace.ts';
import type { BelowRoutes } from './unreadable.ts';

type Ended = Extract<Observation, { kind: 'request_ended' }>;
/** What only the one who answers knows. */
export type Told = Partial<Omit<Ended, 'kind' | 'requestId' | 'method' | 'status' | 'tookMs' | 'trace'>>;
export type Access = {
  /** Known already, and told when the request ends. */
  tell(told: Told): void;
  /** It has ended, with more to tell than its status; what comes after is no end. */
  end(status: number, told: Told): void;
  /** No line: a probe, or what another request tells. */
  leave(): void;
};
type Ports = { readonly observe: Observe; readonly now: () => number };

/** 499, as nginx calls it: nobody is there to read an answer, or reads too slowly. */
export const clientGone = 499;

const unknown = { route: null, endpoint: null, keyId: null, format: null, cache: null, rows: null, snapshotId: null, poolWaitMs: null, queryMs: null }; // prettier-ignore

/** The line of what no route ever saw. */
export const lineOfRefused =
  (observe: Observe): BelowRoutes['refused'] =>
  (refused) => {
    observe({ kind: 'request_ended', ...unknown, ...refused, tookMs: 0, trace: null });
  };

/** Begins a request's line. */
export const openAccess = (request: Request, response: Response, requestId: string, { observe, now }: Ports): Access => {
  const startedMs = now();
  let known: Told = unknown;
  let isOver = false;
  const end = (status: number, told: Told = {}): void => {
    if (isOver) return;
    isOver = true;
    const about = { requestId, method: request.method, status, tookMs: now() - startedMs, trace: traceOf(request) };
    observe({ kind: 'request_ended', ...unknown, ...known, ...told, ...about });
  };
  // Whoever has more to tell has told it by then.
  response.once('close', () => end(response.writableFinished ? response.statusCode : clientGone));
  const access: Access = {
    tell: (told) => void (known = { ...known, ...told }),
    end,
    leave: () => void (isOver = true),
  };
  response.locals['access'] = access;
  return access;
};

/** The line of a request that has been begun. */
export const accessOf = (response: Response): Access => response.locals['access'] as Access;
