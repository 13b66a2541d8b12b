import { describe, expect, test } from '@jest/globals';
import { mask, redact, redactValue } from './redact.ts';

const canary = 'c4n4ry-S3cr3t';

describe('secrets are masked', () => {
  test.each([
    ['YAML', `secret_key_base: ${canary}`],
    ['YAML with blanks in the value', `  password: my ${canary} is long # really`],
    ['quoted YAML', `admin_token: "${canary}"`],
    ['single-quoted YAML', `api_key: '${canary}'`],
    ['a YAML list item', `- client_secret: ${canary}`],
    ['flow YAML', `s3: {region: eu, secret_access_key: ${canary}, x: 1}`],
    ['JSON', `{"access_key_id": "${canary}", "region": "eu"}`],
    ['camelCase JSON', `{"secretAccessKey":"${canary}","accessKeyId":"${canary}","adminToken":"${canary}"}`],
    ['JSON inside a JSON string', `{"note": "{\\"private_key\\": \\"${canary}\\"}"}`],
    ['an env file', `OFFLOADER_SECRET_KEY_BASE=${canary}`],
    ['an exported variable', `export AWS_SECRET_ACCESS_KEY="${canary}"`],
    ['a capital variable in the middle of a line', `started with OFFLOADER_ADMIN_TOKEN=${canary} and more`],
    ['the environment of a pod', `- name: OFFLOADER_ADMIN_TOKEN\n  value: ${canary}`],
    ['the environment of a pod as JSON', `{"name": "DB_PASSWORD", "value": "${canary}"}`],
    ['a block scalar', `private_key: |\n  line1 ${canary}\n  line2 ${canary}\nnext: kept`],
    ['a PEM', `x: -----BEGIN RSA PRIVATE KEY-----\n${canary}\n-----END RSA PRIVATE KEY-----`],
    ['a PEM in one JSON line', `{"k": "-----BEGIN PRIVATE KEY-----\\n${canary}\\n-----END PRIVATE KEY-----\\n"}`],
    ['a PEM that was cut off', `-----BEGIN EC PRIVATE KEY-----\n${canary}\n${canary}`],
    ['a password in a URL', `url: postgres://user:${canary}@host/db`],
    ['a signed URL of Google', `https://storage.googleapis.com/b/o?X-Goog-Credential=${canary}&X-Goog-Signature=${canary}`],
    [
      'a signed URL of AWS',
      `https://b.s3.amazonaws.com/o?X-Amz-Credential=${canary}&X-Amz-Signature=${canary}&X-Amz-Security-Token=${canary}`,
    ],
    ['a bearer token', `Authorization: Bearer ${canary}`],
    ['a bearer token in SQL', `CREATE SECRET s (TYPE http, EXTRA_HTTP_HEADERS MAP {'Authorization': 'Bearer ${canary}'})`],
    ['a secret in SQL', `CREATE SECRET (TYPE s3, KEY_ID 'x', SECRET_ACCESS_KEY = '${canary}')`],
    ['passwd', `passwd: ${canary}`],
    ['a password with a name before it', `PGPASSWORD=${canary}\ndbPassword: ${canary}\nMY_PGPASSWORD: ${canary}`],
    ['a YAML value with an anchor or a tag', `password: &p ${canary}\ntoken: !!str ${canary}`],
    ['a list in flow YAML', `token: [${canary}, ${canary}]`],
    ['an object in flow YAML', `s3: {token: {value: ${canary}}, region: eu}`],
    ['a sixty-four digit secret', `secret_key_base: ${'ab'.repeat(32)}${canary}`],
  ])('%s', (_what, text) => {
    const done = redact(text);
    expect(done).not.toContain(canary);
    expect(done).toContain(mask);
    expect(redact(done)).toBe(done);
  });

  test('JSON stays JSON', () => {
    const text = JSON.stringify({ token: 12345, api_key: 'a"b', nested: { password: null, kept: 'x' } });
    expect(JSON.parse(redact(text))).toEqual({ token: mask, api_key: mask, nested: { password: null, kept: 'x' } });
  });

  test('everything that a Secret object holds goes, whatever it is called', () => {
    const secret = { kind: 'Secret', metadata: { name: 'n' }, data: { anything: canary }, stringData: { other: canary } };
    expect(JSON.stringify(redactValue(secret))).not.toContain(canary);
  });

  test('the value of a variable goes by its name, however long, and so does what JSON in a string holds', () => {
    const env = [{ name: 'OFFLOADER_ADMIN_TOKEN', value: `${canary} ${'x '.repeat(100)}\n${canary}` }];
    const annotation = JSON.stringify({ spec: { env, token: [canary], kept: 1 } });
    const done = redactValue({ env, annotation });
    expect(JSON.stringify(done)).not.toContain(canary);
    expect((done as { annotation: string }).annotation).toContain('"kept":1');
  });

  test('everything under a secret name goes, lists too', () => {
    expect(redactValue({ token: [canary, { x: canary }], name: 'kept' })).toEqual({ token: [mask, { x: mask }], name: 'kept' });
  });
});

describe('what is no secret stays', () => {
  test.each([
    ['a SHA-256 key hash', `hash: ${'0f'.repeat(32)}`],
    ['a named key hash', `token_sha256: ${'0f'.repeat(32)}`],
    ['the reference to a Secret', 'credentialsSecretRef: {name: lake-reader}'],
    ['the start of something nested', 'token: &t\n  - a\ntoken: # remark\n  a: b\npassword: *p\nsecret: null'],
    ['a nested object', 'tokenSecret:\n  name: acme-dashboard-token'],
    ['an id', 'snapshot_id: 2026-05-30T00'],
    ['a schema', '  - {name: tenant_id, type: VARCHAR}'],
    ['a URL without a password', 'url: s3://lake/metrics/manifest.json'],
    ['a column with a like name', 'column: tokens_used'],
  ])('%s', (_what, text) => {
    expect(redact(text)).toBe(text);
  });
});
