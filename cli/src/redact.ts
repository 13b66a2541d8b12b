/**
 * Takes secrets out of text before it leaves the machine. Masking too much costs a question, masking too little costs a
 * credential: so every value under a secret's name goes. Hashes, ids and schemas stand under other names and stay.
 */
import { isSecretName, secretNamePattern } from './secret-names.ts';

export const mask = '[REDACTED]';

type Rule = readonly [pattern: RegExp, replacement: string | ((...groups: string[]) => string)];
const name = secretNamePattern;
/** What may stand before a name, so that `monotoken` is not `token`. */
const before = `(^|[\\s,{;(&?"'\\[])`;

/** Values that hold no secret: nothing, or the start of something nested. */
const isEmpty = (value: string): boolean => /^(?:null|true|false|~|""|''|[{[|>&*!].*)?$/.test(value.trim());

const unlessEmpty =
  (quoted: boolean) =>
  (_all: string, head = '', value = ''): string =>
    isEmpty(value) ? `${head}${value}` : `${head}${quoted ? `"${mask}"` : mask}`;

const rules: readonly Rule[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|$(?![\s\S]))/g, mask],
  // YAML block scalars: the name, then deeper lines.
  [
    new RegExp(`^([ \\t]*)((?:- )?["']?${name}["']?:[ \\t]*[|>][-+0-9]*)[ \\t]*\\n(?:\\1[ \\t]+.*(?:\\n|$)|[ \\t]*\\n)+`, 'gm'),
    (_all, indent = '', head = '') => `${indent}${head}\n${indent}  ${mask}\n`,
  ],
  // {name: ADMIN_TOKEN, value: …} as in the environment of a pod
  [
    new RegExp(`(["']?name["']?:\\s*["']?${name}["']?\\s*[,\\n]\\s*["']?value["']?:\\s*)("(?:[^"\\\\]|\\\\.)*"|'[^']*'|[^\\s,}]+)`, 'g'),
    `$1"${mask}"`,
  ],
  [/(\bbearer\s+)[A-Za-z0-9._~+/=-]+/gi, `$1${mask}`],
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*):([^\s/"']+)@/gi, `$1:${mask}@`],
  [
    /([?&](?:X-Goog-(?:Signature|Credential)|X-Amz-(?:Signature|Credential|Security-Token)|Signature|GoogleAccessId|AWSAccessKeyId|sig)=)[^&\s"'<>]+/gi,
    `$1${mask}`,
  ],
  // "name": "value", name: 'value', NAME="value", and JSON inside a JSON string
  [new RegExp(`(${before}["']?${name}["']?\\s*[:=]\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'g'), `$1"${mask}"`],
  [new RegExp(`(${before}["']?${name}["']?\\s*[:=]\\s*)'(?:[^']|'')*'`, 'g'), `$1'${mask}'`],
  [new RegExp(`(\\\\"${name}\\\\"\\s*:\\s*)\\\\"(?:[^"\\\\]|\\\\[^"])*\\\\"`, 'g'), `$1\\"${mask}\\"`],
  // "name": 123
  [new RegExp(`("${name}"\\s*:\\s*)([^\\s"',}\\]][^\\s,}\\]]*)`, 'g'), unlessEmpty(true)],
  // a line of its own: the value goes to the end of the line, blanks and all
  [new RegExp(`(^[ \\t]*(?:- |export )?${name}[ \\t]*(?:=|:[ \\t])[ \\t]*)([^\\s"'].*)`, 'gm'), unlessEmpty(false)],
  // in the middle of a line
  [new RegExp(`((?:[\\s,{;(&?])${name}:[ \\t]+)([^\\s"'][^,}\\n]*)`, 'g'), unlessEmpty(false)],
  [new RegExp(`((?:[\\s,{;(&?])${name}=)([^\\s"'&,;}]+)`, 'g'), unlessEmpty(false)],
  // Tokens of known shapes, wherever they stand.
  [/\bofl_[A-Za-z0-9_-]{20,}/g, mask],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, mask],
];

/** The text with every secret masked; text that was redacted already stays as it is. */
export const redact = (text: string): string =>
  rules.reduce<string>(
    (done, [pattern, replacement]) =>
      typeof replacement === 'string' ? done.replace(pattern, replacement) : done.replace(pattern, replacement),
    text,
  );

/** The same for parsed JSON or YAML: everything under a secret's name, and all that a Secret object holds. */
export const redactValue = (value: unknown): unknown => {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(redactValue);
  if (typeof value !== 'object' || value === null) return value;
  const isSecret = (value as { kind?: unknown }).kind === 'Secret';
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const hidden = isSecretName(key) || (isSecret && (key === 'data' || key === 'stringData'));
      return [key, hidden ? maskLeaves(inner) : redactValue(inner)];
    }),
  );
};

const maskLeaves = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(maskLeaves);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskLeaves(inner)]));
  return value === null || typeof value === 'boolean' ? value : mask;
};
