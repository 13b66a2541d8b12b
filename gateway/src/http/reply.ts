/** What an answer says besides its rows: meta, and the headers of caches and of an endpoint on its way out. */
import type { CompiledEndpoint } from '@offloader/contract';
import { freshnessOf, maxAgeSeconds } from '../domain/freshness.ts';
import type { QueryPlan } from '../domain/query-plan.ts';

const momentOf = (text: string): number => Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text);

/** Deprecation (RFC 9745), Sunset (RFC 8594) and a link to the successor. */
export const deprecationHeaders = ({ deprecation }: CompiledEndpoint): Readonly<Record<string, string>> => {
  if (deprecation === null) return {};
  const { since, sunset, successor } = deprecation;
  return {
    ...(since === null ? {} : { Deprecation: `@${Math.floor(momentOf(since) / 1000)}` }),
    ...(sunset === null ? {} : { Sunset: new Date(momentOf(sunset)).toUTCString() }),
    ...(successor === null ? {} : { Link: `</v1/endpoints/${successor}>; rel="successor-version"` }),
  };
};

/** Which snapshot answers: forms without meta have no other place for it. */
export const snapshotHeaders = ({ serving }: QueryPlan): Readonly<Record<string, string>> => ({
  'X-Offloader-Snapshot-Id': serving.snapshotId,
  ...(serving.watermark === null ? {} : { 'X-Offloader-Watermark': serving.watermark }),
});

/** Headers of a 200 and of its 304. Only what needs no key may be stored by others. */
export const cacheHeaders = (plan: QueryPlan, isPublic: boolean, nowMs: number): Readonly<Record<string, string>> => {
  const freshness = freshnessOf(plan.endpoint, plan.serving, nowMs);
  return {
    ETag: plan.etag,
    'Cache-Control': isPublic ? `public, max-age=${maxAgeSeconds(freshness)}, stale-while-revalidate=60` : 'private, no-cache',
  };
};

type Times = { readonly cache: 'hit' | 'miss' | 'off'; readonly poolWaitMs: number | null; readonly queryMs: number | null };

/** Where the time went, in milliseconds (Server-Timing). A hit has no query. */
export const serverTiming = ({ cache, poolWaitMs, queryMs }: Times): string =>
  [
    `cache;desc=${cache}`,
    ...(poolWaitMs === null ? [] : [`pool;dur=${poolWaitMs.toFixed(1)}`]),
    ...(queryMs === null ? [] : [`query;dur=${queryMs.toFixed(1)}`]),
  ].join(', ');

type Sent = { readonly rowCount: number; readonly hasMore: boolean; readonly cache: 'hit' | 'miss' | 'off' };

/** The envelope's meta, as of now. */
export const metaOf = (plan: QueryPlan, sent: Sent, requestId: string, nowMs: number): Readonly<Record<string, unknown>> => ({
  request_id: requestId,
  endpoint: plan.endpoint.name,
  version: plan.endpoint.version,
  snapshot_id: plan.serving.snapshotId,
  generated_at: new Date(nowMs).toISOString(),
  row_count: sent.rowCount,
  serving_mode: plan.endpoint.servingMode === 'LocalTable' ? 'local_table' : 'remote_scan',
  cache: sent.cache,
  freshness: freshnessOf(plan.endpoint, plan.serving, nowMs),
  next_cursor: sent.hasMore ? plan.nextCursor() : null,
});
