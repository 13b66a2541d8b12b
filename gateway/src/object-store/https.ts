/** https:// sources: plain conditional GETs; no credentials are ever sent. */
import { Readable } from 'node:stream';
import { err, ok, type Problem, type Result } from '@offloader/contract';
import { storeProblem } from './problems.ts';
import { extentOf, type Place, type Wanted } from './place.ts';

const redirected: Problem = {
  code: 'root_not_allowed',
  path: '',
  message: 'the host redirects elsewhere, which could lead out of what the dataset allows',
  hint: 'name the final address',
};
const refused = ({ status }: Response): Result<never, Problem> => err(storeProblem({ status, name: `HTTP ${status}` }));

/** A strong ETag names bytes; a weak one or a date is good enough to ask whether a manifest is new, not to go on in a file. */
const versionOf = (headers: Headers): string | null => headers.get('etag') ?? headers.get('last-modified');
const isEtag = (version: string): boolean => /^(W\/)?"/.test(version);

const conditionOf = (wanted: Wanted): Record<string, string> => {
  if (wanted.kind === 'all') return {};
  if (wanted.kind === 'newer') return { [isEtag(wanted.than) ? 'if-none-match' : 'if-modified-since']: wanted.than };
  const isStrong = wanted.of.startsWith('"');
  return { range: `bytes=${wanted.from}-`, 'if-range': wanted.of, ...(isStrong ? { 'if-match': wanted.of } : {}) };
};

export const httpsPlace = (): Place => ({
  open: async (url, wanted, signal) => {
    // Redirects are not followed; and a body that is packed on the way has other sizes than the file.
    const headers = { 'accept-encoding': 'identity', ...conditionOf(wanted) };
    const response = await fetch(url, { headers, redirect: 'manual', signal });
    if (response.status === 304) return ok({ kind: 'unchanged' });
    if (response.status >= 300 && response.status < 400) return err(redirected);
    if (!response.ok || response.body === null) return refused(response);
    const length = response.headers.get('content-length');
    return ok({
      kind: 'opened',
      body: Readable.fromWeb(response.body),
      version: versionOf(response.headers),
      ...extentOf(length === null ? null : Number(length), response.headers.get('content-range')),
    });
  },
  list: async () => err({ code: 'source_failed', path: '', message: 'https:// sources cannot be listed', hint: 'name a manifest' }),
});
