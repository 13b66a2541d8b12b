/** Files that hold secrets in every form in which people write them down; each secret is another word, all are found by one. */

/** What every planted secret contains. */
export const canary = 'c4n4ry';
let planted = 0;
const secret = (): string => {
  planted += 1;
  return `${canary}-${planted}-S3cr3t`;
};

const names = [
  ...['secret_key_base', 'OFFLOADER_SECRET_KEY_BASE', 'secretKeyBase', 'secret', 'secret_access_key', 'AWS_SECRET_ACCESS_KEY'],
  ...['secretAccessKey', 'access_key', 'access_key_id', 'accessKeyId', 'AWS_ACCESS_KEY_ID', 'private_key', 'private-key', 'client_secret'],
  ...['clientSecret', 'token', 'admin_token', 'adminToken', 'OFFLOADER_ADMIN_TOKEN', 'password', 'passwd', 'db_password', 'PGPASSWORD'],
  ...['api_key', 'apiKey', 'api-key', 'X-Api-Key', 'source.client_secret'],
];
const everyName = (line: (name: string, value: string) => string): string => names.map((name) => line(name, secret())).join('\n');
const object = (): Record<string, string> => Object.fromEntries(names.map((name) => [name, secret()]));

const pem = (kind = 'RSA '): string => `-----BEGIN ${kind}PRIVATE KEY-----\n${secret()}\n${secret()}\n-----END ${kind}PRIVATE KEY-----`;
const indented = (text: string): string => text.replaceAll(/^/gm, '  ');
const google = (): string =>
  `https://storage.googleapis.com/b/o?X-Goog-Credential=${secret()}&X-Goog-Date=20260101&X-Goog-Signature=${secret()}`;
const aws = (): string =>
  `https://b.s3.amazonaws.com/o?X-Amz-Credential=${secret()}&X-Amz-Date=2026&X-Amz-Security-Token=${secret()}&X-Amz-Signature=${secret()}`;
const sql = (): string => `CREATE SECRET s (TYPE http, EXTRA_HTTP_HEADERS MAP {'Authorization': 'Bearer ${secret()}'})`;

/** Each file's text by its path, for a project folder. */
export const plantedFiles: Readonly<Record<string, string>> = {
  'forms/plain.yaml': `${everyName((name, value) => `${name}: ${value}`)}\n`,
  'forms/blanks.yaml': `${everyName((name, value) => `${name}: two words ${value} # remark`)}\n`,
  'forms/quoted.yml': `${everyName((name, value) => `${name}: "${value}"`)}\n`,
  'forms/single-quoted.yaml': `${everyName((name, value) => `'${name}': 'it''s ${value}'`)}\n`,
  'forms/items.yaml': `list:\n${everyName((name, value) => `- ${name}: ${value}`)}\n`,
  'forms/flow.yaml': `list:\n${everyName((name, value) => `- {a: 1, ${name}: ${value}, b: 2}`)}\n`,
  'forms/folded.yaml': `${everyName((name, value) => `${name}: first\n  ${value}`)}\n`,
  'forms/block.yaml': `${everyName((name, value) => `${name}: |\n  first ${value}\n\n  last ${value}`)}\n`,
  'forms/anchors.yaml': `${everyName((name, value) => `${name}: &a${planted} ${value}\ncopy${planted}: *a${planted}`)}\n`,
  'forms/lists.yaml': `${everyName((name, value) => `${name}:\n  - ${value}\n  - {odd: ${value}}`)}\n`,
  'forms/containers.yaml': `env:\n${everyName((name, value) => `- name: ${name}\n  value: ${value}`)}\n`,
  'forms/env.yaml': `env: |\n${everyName((name, value) => `  ${name}=${value}\n  export ${name}="${value}"`)}\n`,
  'forms/not-yaml.yaml': `: [\n${everyName((name, value) => `${name}: ${value}`)}\n`,
  'forms/pretty.json': JSON.stringify(object(), null, 2),
  'forms/compact.json': JSON.stringify({ list: [object()], nested: { deep: object() } }),
  'forms/in-a-string.json': JSON.stringify({ note: JSON.stringify(object()) }),
  'forms/not-json.json': `{"region": "eu", ${everyName((name, value) => `"${name}": "${value}",`)}`,
  'forms/secret.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: lake-reader}\nstringData:\n  anything: ${secret()}\n`,
  'forms/secrets.json': JSON.stringify({ kind: 'List', items: [{ kind: 'Secret', data: { anything: secret() } }] }),
  'forms/pem.yaml': `key: |\n${indented(pem())}\nfree: >\n${indented(pem('EC '))}\ninline: "${pem('').replaceAll('\n', '\\n')}"\n`,
  'forms/pem.json': JSON.stringify({ tls: { 'tls.key': pem('') } }),
  'forms/urls.yaml': `a: postgres://user:${secret()}@host/db\nb: ${google()}\nc: "${aws()}"\nd: [${aws()}, https://u:${secret()}@h:8443/x]\n`,
  'forms/headers.yaml': `a: "Authorization: Bearer ${secret()}"\nb: |\n  curl -H 'Authorization: bearer ${secret()}' http://h\nc: ${JSON.stringify(sql())}\n`,
  'forms/urls.json': JSON.stringify({ a: google(), b: [aws()], c: `amqp://user:${secret()}@host`, d: `Bearer ${secret()}`, e: sql() }),
};

/** A log with secrets in it: lines of JSON, lines of text, a key over several lines. */
export const plantedLog = (): string =>
  [
    JSON.stringify({
      level: 'info',
      message: `fetching ${google()}`,
      headers: { authorization: `Bearer ${secret()}`, cookie: [secret()] },
    }),
    `connecting to postgres://user:${secret()}@host/db with AWS_SECRET_ACCESS_KEY=${secret()}`,
    `request Authorization: Bearer ${secret()}`,
    pem(),
    JSON.stringify({ level: 'info', message: 'an innocent line' }),
    '',
  ].join('\n');
