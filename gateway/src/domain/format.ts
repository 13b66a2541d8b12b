/** The forms an answer can take, by suffix of the path or by Accept. */
export type Format = 'json' | 'csv' | 'ndjson' | 'arrow' | 'parquet';
export const formats: readonly Format[] = ['json', 'csv', 'ndjson', 'arrow', 'parquet'];

export const mediaTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  arrow: 'application/vnd.apache.arrow.stream',
  parquet: 'application/vnd.apache.parquet',
};
/** As sent: the text forms say their charset. */
export const contentTypes: Readonly<Record<Format, string>> = {
  ...mediaTypes,
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
};

/** `daily.csv` is daily as CSV; an unknown suffix stays in the name, and no endpoint has a dot in its name. */
export const splitSuffix = (segment: string): { readonly name: string; readonly format: Format | null } => {
  const format = formats.find((one) => segment.endsWith(`.${one}`));
  return format === undefined ? { name: segment, format: null } : { name: segment.slice(0, -format.length - 1), format };
};

type Range = { readonly type: string; readonly quality: number };

/** A member that cannot be read counts as absent; parameters other than q say nothing about our forms. */
const rangeOf = (member: string): readonly Range[] => {
  const [type = '', ...parameters] = member.split(';').map((part) => part.trim().toLowerCase());
  if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return [];
  const weight = parameters.find((one) => one.startsWith('q='))?.slice(2);
  const quality = weight === undefined ? 1 : Number(weight);
  return Number.isFinite(quality) ? [{ type, quality }] : [];
};

/** How much a form is wanted: the most specific range that covers it decides (RFC 9110 §12.5.1). */
const qualityOf = (mediaType: string, ranges: readonly Range[]): number => {
  const covering = [mediaType, `${mediaType.split('/')[0] ?? ''}/*`, '*/*'];
  const found = covering.map((type) => ranges.find((range) => range.type === type)).find((range) => range !== undefined);
  return found?.quality ?? 0;
};

/** The best form for an Accept header; of equals the first in our own order. undefined: none can be met. */
export const negotiate = (accept: string | undefined): Format | undefined => {
  if (accept === undefined || accept.trim() === '') return 'json';
  const ranges = accept.split(',').flatMap(rangeOf);
  const wanted = formats.map((format) => ({ format, quality: qualityOf(mediaTypes[format], ranges) }));
  const best = Math.max(...wanted.map(({ quality }) => quality));
  return best > 0 ? wanted.find(({ quality }) => quality === best)?.format : undefined;
};
