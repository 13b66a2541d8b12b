/** The results of a soak as a page. */
import type { Trend } from './verdict.ts';

/** Something that has to be nought, or is only told. */
export type Count = { readonly what: string; readonly count: number; readonly bound?: number };

const scale = { MiB: 2 ** 20, KiB: 2 ** 10, '': 1 };

const spelled = (value: number, unit: Trend['bound']['unit']): string => {
  const digits = unit === '' ? 0 : 1;
  const text = (value / scale[unit]).toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return `${text === '-0' || text === '-0.0' ? text.slice(1) : text}${unit === '' ? '' : ` ${unit}`}`;
};

const trendRow = ({ subject, bound, before, after, surely, likely, allowed, met }: Trend): string => {
  const told = (value: number): string => spelled(value, bound.unit);
  const cells = [
    subject,
    bound.what,
    told(before),
    told(after),
    told(after - before),
    bound.drawn ? `${told(likely)} (${told(surely)})` : '',
  ];
  return `| ${cells.join(' | ')} | ${told(allowed)}${met ? '' : ': missed'} |`;
};

export const isMissed = ({ count, bound }: Count): boolean => bound !== undefined && count > bound;

export const pageOf = (about: readonly string[], counts: readonly Count[], trends: readonly Trend[]): string =>
  [
    '# A soak under churn',
    '',
    ...about.flatMap((paragraph) => [paragraph, '']),
    '| what | measured | bound |',
    '| --- | --- | --- |',
    ...counts.map((one) => `| ${one.what} | ${one.count.toLocaleString('en')} | ${one.bound ?? ''}${isMissed(one) ? ': missed' : ''} |`),
    '',
    'What lived for at least half of the run, from its first sample to its last: the middle of its second and of its last quarter, the growth between them, and what its slope after the first fifth comes to, likely and at the least: in a day for a life of six hours, in its own length for one of an hour and a half or less. The slope of what comes and goes with others does not count.',
    '',
    '| of | what | second quarter | last quarter | growth | by its slope, at the least in brackets | may grow by |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...trends.map(trendRow),
    '',
  ].join('\n');
