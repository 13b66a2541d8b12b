/**
 * Redacts what goes into a support bundle by what it is: YAML, JSON, lines of a log. Pure. What parses is masked by its
 * structure, which sees values that no pattern finds: on several lines, behind an anchor, in a list.
 */
import { parseAllDocuments, stringify } from 'yaml';
import { mask, parsedJson, redact, redactValue, secretsIn } from '../redact.ts';

/** One file's text without secrets; a Kubernetes Secret loses everything that it holds. */
export const redactFile = (path: string, text: string): string => (/\.json$/i.test(path) ? redactJson(text) : redactYaml(text));

/** JSON without secrets; text that only looks like JSON is redacted as text. */
export const redactJson = (text: string): string => {
  const value = parsedJson(text);
  return value === undefined ? redact(text) : `${JSON.stringify(redactValue(value), null, 2)}\n`;
};

/** A log: lines of JSON by their structure, what lies between them as text. */
export const redactLog = (text: string): string => {
  const runs: { readonly isJson: boolean; readonly lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const value = line.startsWith('{') ? parsedJson(line) : undefined;
    const isJson = value !== undefined;
    const done = isJson ? JSON.stringify(redactValue(value)) : line;
    const last = runs.at(-1);
    if (last?.isJson === isJson) last.lines.push(done);
    else runs.push({ isJson, lines: [done] });
  }
  return runs.map(({ isJson, lines }) => (isJson ? lines.join('\n') : redact(lines.join('\n')))).join('\n');
};

/** Remarks and order stay where masking the text is enough; else the file is written anew from what it means. */
const redactYaml = (text: string): string => {
  const documents = parseAllDocuments(text, { logLevel: 'silent' });
  if (documents.some(({ errors }) => errors.length > 0))
    return /\bkind\W{1,5}Secret\b/.test(text) ? '# left out: it holds a Secret and is not valid YAML\n' : redact(text);
  const values = documents.map((document) => document.toJS() as unknown);
  const secrets = values.flatMap(secretsIn);
  const masked = redact(text);
  // Word by word: a value may be folded over several lines.
  const words = secrets.flatMap((secret) => secret.split(/\s+/)).filter((word) => word.length > 3);
  if (!words.some((word) => masked.includes(word))) return masked;
  const written = redact(values.map((value) => stringify(redactValue(value), { lineWidth: 0 })).join('---\n'));
  // What an alias repeats elsewhere is as secret there.
  return secrets.filter((secret) => secret.length > 3).reduce((done, secret) => done.replaceAll(secret, mask), written);
};
