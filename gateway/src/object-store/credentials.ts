/** Whether a dataset's Secret has what the scheme of a URL takes. Pure. */
import type { CompiledSource, Problem, SourceCredentials } from '@offloader/contract';

const isThere = (value: string | undefined): boolean => value !== undefined && value !== '';
const pairs = ({ accessKeyId, secretAccessKey, hmacAccessId, hmacSecret }: SourceCredentials) => ({
  keys: isThere(accessKeyId) && isThere(secretAccessKey),
  hmac: isThere(hmacAccessId) && isThere(hmacSecret),
});
const needed: Readonly<Record<string, readonly [(held: SourceCredentials) => boolean, string]>> = {
  s3: [(held) => pairs(held).keys || pairs(held).hmac, 'accessKeyId and secretAccessKey'],
  gs: [(held) => isThere(held.serviceAccountJson) || pairs(held).hmac, 'serviceAccountJson, or hmacAccessId and hmacSecret'],
};

/** A named Secret that is not there, or lacks what is needed: another identity is never used in its stead. */
export const lackOfCredentials = (scheme: string, source: CompiledSource, held: SourceCredentials | null): Problem | null => {
  const [isComplete, keys] = needed[scheme] ?? [];
  if (source.credentials === null || isComplete === undefined || (held !== null && isComplete(held))) return null;
  return {
    code: 'source_credentials_missing',
    path: '',
    message:
      held === null
        ? `the Secret ${source.credentials} of source.credentialsSecretRef is not there, or has none of the keys that are read`
        : `the Secret ${source.credentials} of source.credentialsSecretRef lacks what ${scheme}:// takes`,
    hint: `give it ${keys}`,
  };
};
