/** What a request comes to before anything is run: which snapshot answers it, from which relation, under which ETag. Pure. */
import { type CompiledEndpoint, err, ok, type Result } from '@offloader/contract';
import type { Failure } from './failure.ts';
import type { Format } from './format.ts';
import { parseQueryString } from './query-string.ts';
import { parseRequest, type Request } from './request.ts';
import { keptKey, type Live, type Serving } from './serving.ts';
import { etagOf, makeCursor, openCursor, pageIdentity, type Signer } from './signature.ts';

export type Question = {
  readonly live: Live;
  readonly endpoint: CompiledEndpoint;
  readonly tenant: string | null;
  readonly format: Format;
  /** Without the `?`. */
  readonly queryString: string;
};
export type QueryPlan = {
  readonly endpoint: CompiledEndpoint;
  readonly tenant: string | null;
  readonly request: Request;
  readonly serving: Serving;
  /** SQL text of the serving's relation for the endpoint's mode. */
  readonly relation: string;
  readonly etag: string;
  /** Equal for equal pages of equal data; begins with the dataset's name. */
  readonly cacheKey: string;
  /** A cursor to the page after this one. */
  readonly nextCursor: () => string;
};

const notReady: Failure = { kind: 'not_ready', code: 'snapshot_not_ready', retryAfterSeconds: 5 };
const badCursor: Failure = {
  kind: 'invalid_param',
  code: 'invalid_cursor',
  param: 'cursor',
  message: 'cursor is not one that these parameters were answered with',
};

/** An endpoint answers only from a snapshot that was loaded for its own layout: a mismatch fails closed. */
const relationOf = (serving: Serving | undefined, endpoint: CompiledEndpoint): string | undefined =>
  serving?.layout === endpoint.layout ? serving.relations[endpoint.servingMode] : undefined;

type Chosen = { readonly serving: Serving; readonly relation: string };

const chosen = (serving: Serving | undefined, endpoint: CompiledEndpoint): Chosen | undefined => {
  const relation = relationOf(serving, endpoint);
  return serving === undefined || relation === undefined ? undefined : { serving, relation };
};

/** The snapshot of a cursor while it is kept, be it the active one or an earlier one. */
const ofCursor = ({ live, endpoint }: Question, active: Chosen, snapshotId: string): Chosen | undefined =>
  active.serving.snapshotId === snapshotId ? active : chosen(live.kept.get(keptKey(endpoint.dataset, snapshotId)), endpoint);

/** In the order of outcomes: 503 snapshot → 400 encoding → 422 parameters and cursor → 410 snapshot of the cursor. */
export const planQuery = (question: Question, sign: Signer): Result<QueryPlan, Failure> => {
  const { live, endpoint, tenant, format } = question;
  const active = chosen(live.servings.get(endpoint.dataset), endpoint);
  if (active === undefined) return err(notReady);
  const sent = parseQueryString(question.queryString);
  if (!sent.ok) return sent;
  const parsed = parseRequest(endpoint, sent.value);
  if (!parsed.ok) return parsed;
  const cursor = parsed.value.cursor === null ? null : openCursor(sign, { endpoint, request: parsed.value, tenant }, parsed.value.cursor);
  if (cursor === undefined) return err(badCursor);
  const answering = cursor === null ? active : ofCursor(question, active, cursor.snapshotId);
  if (answering === undefined) return err({ kind: 'gone' });
  const request = cursor === null ? parsed.value : { ...parsed.value, offset: cursor.offset };
  const bound = { endpoint, request, tenant };
  const { serving, relation } = answering;
  return ok({
    ...bound,
    serving,
    relation,
    etag: etagOf(sign, bound, serving.snapshotId, format),
    cacheKey: `${endpoint.dataset} ${serving.epoch} ${pageIdentity(bound)}`,
    nextCursor: () => makeCursor(sign, bound, serving.snapshotId, request.offset + BigInt(request.limit)),
  });
};
