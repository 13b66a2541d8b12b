/** The raw query string as names and values: what was sent, nothing guessed. */
import { err, ok, type Result } from '@offloader/contract';
import type { Failure } from './failure.ts';

export type SentParams = ReadonlyMap<string, string>;
const badEncoding: Failure = { kind: 'bad_request', code: 'bad_encoding', message: 'the query string is not valid percent-encoded UTF-8' };

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
};

/** Of a repeated name the last value counts; bad percent-encoding or UTF-8 is a bad request. `raw` comes without the `?`. */
export const parseQueryString = (raw: string): Result<SentParams, Failure> => {
  const sent = new Map<string, string>();
  for (const pair of raw.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode(at === -1 ? pair : pair.slice(0, at));
    const value = at === -1 ? '' : decode(pair.slice(at + 1));
    if (name === undefined || value === undefined) return err(badEncoding);
    sent.set(name, value);
  }
  return ok(sent);
};
