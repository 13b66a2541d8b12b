/** How old an answer's data is, and how long it may be kept by others. */
import type { CompiledEndpoint } from '@offloader/contract';
import type { Serving } from './serving.ts';

export type Freshness = {
  readonly watermark: string | null;
  readonly age_seconds: number | null;
  readonly max_staleness_minutes: number | null;
  readonly stale: boolean;
};

export const freshnessOf = ({ maxStalenessMs }: CompiledEndpoint, { watermark }: Serving, nowMs: number): Freshness => {
  const age = watermark === null ? null : Math.floor((nowMs - Date.parse(watermark)) / 1000);
  return {
    watermark,
    age_seconds: age,
    max_staleness_minutes: maxStalenessMs === null ? null : maxStalenessMs / 60_000,
    stale: age !== null && maxStalenessMs !== null && age * 1000 > maxStalenessMs,
  };
};

const longestSeconds = 3600;

/** Seconds for which a public answer may be kept: an hour at most, less the older the data is, 60 when nothing is declared. */
export const maxAgeSeconds = ({ age_seconds: age, max_staleness_minutes: minutes }: Freshness): number =>
  minutes === null ? 60 : Math.max(0, Math.min(longestSeconds, Math.floor(minutes * 60 - Math.max(0, age ?? 0))));
