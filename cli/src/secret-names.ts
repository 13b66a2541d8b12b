/** Which names of fields, variables and settings stand for secret values. */

/** In snake_case, kebab-case or capitals, alone or as the end of a longer name: AWS_SECRET_ACCESS_KEY, source.client_secret. */
const words = [
  'secret[_-]?key[_-]?base',
  'secret(?:[_-]access[_-]key)?',
  'access[_-]key(?:[_-]id)?',
  'private[_-]?key(?:[_-]id)?',
  'client[_-]secret',
  'token',
  'api[_-]?key',
  'hmac[_-](?:secret|access[_-]id)',
  'service[_-]account[_-]json',
  'authorization',
  'cookie',
];
/** As the end of any name: PGPASSWORD, dbPassword. */
const ends = ['passwd', 'password', 'passphrase'];
/** In camelCase, as Kubernetes likes it. */
const camel = [
  '[sS]ecretKeyBase',
  '[sS]ecretAccessKey',
  '[aA]ccessKey(?:Id)?',
  '[pP]rivateKey(?:Id)?',
  '[cC]lientSecret',
  '[a-z0-9]+Token',
  '[aA]piKey',
  'hmacSecret',
  'hmacAccessId',
  'serviceAccountJson',
];

/** Letters of either case; the other rules of a pattern stay case-sensitive, so that camelCase humps count. */
const anyCase = (pattern: string): string =>
  pattern.replaceAll(/\[_-\]|\(\?:|[a-z]/g, (part) => (part.length === 1 ? `[${part}${part.toUpperCase()}]` : part));

export const secretNamePattern = `(?:(?:[A-Za-z0-9_.-]*[_.-])?(?:${words.map(anyCase).join('|')})|[A-Za-z0-9_.-]*(?:${ends.map(anyCase).join('|')})|[A-Za-z0-9]*(?:${camel.join('|')}))`;

const whole = new RegExp(`^${secretNamePattern}$`);

/** Whether a field of this name holds a secret. */
export const isSecretName = (name: string): boolean => whole.test(name);
