/**
 * Whether something grows: pure. After a warm-up, a process's first fifth, the middle of its last quarter is held against the
 * middle of its second, and the slope that the rest shows at the least (the lower end of the 95 % interval of the Theil-Sen slope)
 * is drawn on as far as `horizon` says, to a day for six hours; neither may exceed the bound. The slope of what
 * moves within a steady set does not count.
 */
import type { Bound } from './bounds.ts';

export type Sample = {
  readonly seconds: number;
  readonly kind: Bound['of'];
  readonly name: string;
  /** The process; another begins a new series. */
  readonly life: number;
  readonly values: Readonly<Record<string, number>>;
};
type Point = readonly [seconds: number, value: number];
export type Trend = {
  readonly subject: string;
  readonly bound: Bound;
  readonly before: number;
  readonly after: number;
  /** What its slope comes to at the least, and in the middle. */
  readonly surely: number;
  readonly likely: number;
  readonly allowed: number;
  readonly met: boolean;
};

const warmUp = 0.2;
/** A day for six hours. What lives for less is still settling, and is drawn on less far: for an hour and a half and below, once. */
const horizon = (lifeSeconds: number): number => lifeSeconds * Math.min(4, Math.max(1, lifeSeconds / (1.5 * 3600)));
/** Enough for a slope, and few enough that neighbours have little to do with one another. */
const stretches = 60;
/** A process that lived for less of the run shows no trend. */
const leastLife = 0.5;

const sorted = (values: readonly number[]): readonly number[] => values.toSorted((a, b) => a - b);
export const median = (values: readonly number[]): number => {
  const ordered = sorted(values);
  const middle = Math.floor(ordered.length / 2);
  return ordered.length % 2 === 1 ? (ordered[middle] ?? NaN) : ((ordered[middle - 1] ?? NaN) + (ordered[middle] ?? NaN)) / 2;
};

/** One point for each stretch of time. */
const condensed = (points: readonly Point[], stands: Bound['stands']): readonly Point[] => {
  const [from, to] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0];
  const groups = new Map<number, Point[]>();
  for (const point of points) {
    const at = Math.min(stretches - 1, Math.floor(((point[0] - from) / (to - from || 1)) * stretches));
    groups.set(at, [...(groups.get(at) ?? []), point]);
  }
  return [...groups.values()].map((group) => {
    const values = group.map(([, value]) => value);
    return [median(group.map(([seconds]) => seconds)), stands === 'median' ? median(values) : Math.min(...values)];
  });
};

/** Theil-Sen: the median of the slopes between all pairs, and the lower end of its 95 % interval by Kendall's variance. */
export const slope = (points: readonly Point[]): { readonly likely: number; readonly least: number } => {
  const slopes = sorted(
    points.flatMap(([x, y], n) => points.slice(n + 1).map(([laterX, laterY]) => (laterX === x ? 0 : (laterY - y) / (laterX - x)))),
  );
  const n = points.length;
  const spread = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  return { likely: median(slopes), least: slopes[Math.max(0, Math.floor((slopes.length - spread) / 2))] ?? 0 };
};

const within = (points: readonly Point[], from: number, to: number): readonly Point[] => {
  const [first, last] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0];
  const at = (part: number): number => first + part * (last - first);
  return points.filter(([seconds]) => seconds >= at(from) && seconds <= at(to));
};

/** How one figure of one life has gone. */
export const trendOf = (subject: string, points: readonly Point[], bound: Bound): Trend => {
  const middle = (from: number, to: number): number => {
    const part = within(points, from, to);
    return median((bound.stands === 'median' ? part : condensedCoarsely(part)).map(([, value]) => value));
  };
  const [before, after] = [middle(0.25, 0.5), middle(0.75, 1)];
  const { likely, least } = slope(condensed(within(points, warmUp, 1), bound.stands));
  const seconds = horizon((points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0));
  const allowed = Math.max(bound.part * before, bound.atLeast);
  const surely = Math.max(0, least) * seconds;
  return {
    subject,
    bound,
    before,
    after,
    surely,
    likely: likely * seconds,
    allowed,
    met: after - before <= allowed && (!bound.drawn || surely <= allowed),
  };
};

/** The lowest of each tenth, of which the middle is taken. */
const condensedCoarsely = (points: readonly Point[]): readonly Point[] =>
  Array.from({ length: 10 }, (_, n) => within(points, n / 10, (n + 1) / 10))
    .filter((part) => part.length > 0)
    .map((part) => part.reduce((lowest, point) => (point[1] < lowest[1] ? point : lowest)));

/** Every figure of everything that has lived for at least half of the run. */
export const trends = (samples: readonly Sample[], bounds: readonly Bound[]): readonly Trend[] => {
  const length = Math.max(...samples.map(({ seconds }) => seconds));
  const lives = Map.groupBy(samples, ({ kind, name, life }) => `${kind} ${name} ${life}`);
  return [...lives.values()].flatMap((life) => {
    const { kind, name } = life[0]!;
    if ((life.at(-1)?.seconds ?? 0) - (life[0]?.seconds ?? 0) < leastLife * length) return [];
    return bounds
      .filter(({ of }) => of === kind)
      .map((bound) => {
        const points = life.flatMap(({ seconds, values }): readonly Point[] => {
          const value = values[bound.figure];
          return value === undefined ? [] : [[seconds, value]];
        });
        return trendOf(name, points, bound);
      })
      .filter(({ before, after }) => Number.isFinite(before) && Number.isFinite(after));
  });
};
