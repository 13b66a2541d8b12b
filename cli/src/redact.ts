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

/** Values that hold no secret: nothing, an alias, or the start of something nested. */
const isEmpty = (value: string): boolean =>
  /^(?:(?:null|true|false|~|""|''|\*\S+|(?:[&!]\S*\s*)*[{[]?|[|>][-+0-9]*)(?:(?:^|\s+)#.*)?)$/.test(value.trim());

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
  if (typeof value === 'string') return redactString(value);
  if (Array.isArray(value)) return value.map(redactValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isHidden(value, key) ? maskLeaves(inner) : redactValue(inner)]),
  );
};

/** The values that redactValue masks whole. */
export const secretsIn = (value: unknown): readonly string[] => {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(secretsIn);
  return Object.entries(value).flatMap(([key, inner]) => (isHidden(value, key) ? leavesOf(inner) : secretsIn(inner)));
};

const leavesOf = (value: unknown): readonly string[] => {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leavesOf);
  return typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];
};

/** Text, or JSON in a string such as an annotation of kubectl's. */
const redactString = (text: string): string => {
  const inner = /^\s*[{[]/.test(text) ? parsedJson(text) : undefined;
  return inner === undefined ? redact(text) : JSON.stringify(redactValue(inner));
};

/** What the text means as JSON; undefined when it is none. */
export const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Under a secret's name, in a Secret, or the value of a variable such as {name: ADMIN_TOKEN, value: …}. */
const isHidden = (object: object, key: string): boolean =>
  isSecretName(key) ||
  (key === 'value' && isSecretName(String((object as { name?: unknown }).name))) ||
  ((object as { kind?: unknown }).kind === 'Secret' && (key === 'data' || key === 'stringData'));

const maskLeaves = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(maskLeaves);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskLeaves(inner)]));
  return value === null || typeof value === 'boolean' ? value : mask;
};
