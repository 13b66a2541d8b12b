/** Strings that have broken into other systems, by what they aim at. None may do anything here but be a string. */
const sql = [
  "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE data; --", '" OR ""="', "') OR ('1'='1", "' UNION SELECT * FROM information_schema.tables --",
  "' UNION ALL SELECT NULL,NULL,NULL --", "1; SELECT pg_sleep(10)", "'||(SELECT current_user)||'", "' AND 1=CAST((SELECT version()) AS INT) --",
  "admin'--", "admin' #", "admin'/*", "' or 1=1 limit 1 -- -+", "'/**/OR/**/1=1--", "%27%20OR%201=1", "\\'; DROP TABLE data; --", "''''", "'''; --",
  "1 OR 1=1", "1) OR (1=1", "0x27204f5220313d31", "CHAR(39)||CHAR(39)", "tenant_id = 'beta'", "acme' OR tenant_id='beta", "acme' UNION SELECT * FROM data WHERE tenant_id='beta",
  "'; UPDATE data SET tenant_id='acme'; --", "'; INSERT INTO data SELECT * FROM data; --", "'; ALTER TABLE data RENAME TO gone; --", "' HAVING 1=1 --", "' GROUP BY 1 --", "' ORDER BY 99 --",
  "' LIMIT 0; --", "' RETURNING *; --", "$$; DROP TABLE data; $$", "E'\\x27'", "U&'\\0027'", "';BEGIN;ROLLBACK;--", "' COLLATE NOCASE --", "'; VACUUM; --",
]; // prettier-ignore
const duckdb = [
  "' || (SELECT content FROM read_text('/etc/passwd')) || '", "'; COPY data TO '/tmp/leak.csv'; --", "'; ATTACH '/tmp/x.db' AS x; --", "'; DETACH memory; --", "'; INSTALL httpfs; LOAD httpfs; --",
  "'; SET enable_external_access=true; --", "'; PRAGMA database_list; --", "'; CALL pragma_version(); --", "' || getenv('OFFLOADER_SECRET_KEY_BASE') || '", "'; EXPORT DATABASE '/tmp/x'; --",
  "'; CREATE SECRET (TYPE s3); --", "' UNION SELECT * FROM duckdb_secrets() --", "' UNION SELECT * FROM duckdb_settings() --", "' UNION SELECT * FROM glob('/*') --", "' UNION SELECT * FROM read_csv('/etc/passwd') --",
  "' UNION SELECT * FROM read_parquet('s3://other/x.parquet') --", "' UNION SELECT * FROM read_json('http://127.0.0.1:1/') --", "'; SET threads=1; --", "'; SHUTDOWN; --", "'; CHECKPOINT; --",
  "' || query('SELECT 1') || '", "' UNION SELECT * FROM query_table('data') --", "'; EXECUTE IMMEDIATE 'SELECT 1'; --", "'; DEALLOCATE p; --", "'; FROM data; --", "'; SUMMARIZE data; --", "'; DESCRIBE data; --", "'; USE memory; --",
]; // prettier-ignore
const text = [
  'ʼ OR 1=1', '＇ OR 1=1', '‘; DROP TABLE data; --', '´ OR 1=1', '\u0000', 'a\u0000b', "\u0000' OR 1=1 --", '\u202eevil', '\ufeffacme', 'a\u0301cme', '\ud83d\ude00', 'İ', 'ß', '\u00a0', '\u2028', '\u2029',
  '%00', '%27', '%2527', '%c0%a7', '%e0%80%a7', '%u0027', '%', '%%', '%zz', '+', '%2B', '&', '=', '?', '#', ';', ',', ',,', ':', '@', '*', '..', '.', '/', '//', '\\', '|', '~', '`', '$', '!', '^',
  'A'.repeat(4000), '9'.repeat(400), '-'.repeat(300), ' '.repeat(200), ' acme', 'acme ', '\tacme', '\n', '\r', 'acme\n', '\u001b[31m', '\b', '\u007f',
]; // prettier-ignore
const paths = [
  '../../../../etc/passwd', '..%2f..%2f..%2fetc%2fpasswd', '..\\..\\windows\\win.ini', '/etc/passwd', 'file:///etc/passwd', '....//....//etc/passwd', '%2e%2e%2f', '..;/', '/proc/self/environ', 'C:\\boot.ini',
]; // prettier-ignore
const headers = [
  'x\r\nSet-Cookie: a=b', 'x\nX-Injected: 1', '%0d%0aX-Injected:%201', 'x\r\n\r\n<html>', 'acme\u0085X-Injected: 1', 'x%E5%98%8A%E5%98%8DX-Injected: 1',
]; // prettier-ignore
const templates = [
  '${7*7}', '{{7*7}}', '#{7*7}', '<%= 7*7 %>', '${jndi:ldap://127.0.0.1/a}', '%{7*7}', '`id`', '$(id)', '; id', '| id', '&& id', '%s%s%s%n', '%x%x%x', '{0}', '[[${7*7}]]',
]; // prettier-ignore
const documents = [
  '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', 'javascript:alert(1)', '</title><script>1</script>', '=cmd|\' /C calc\'!A0', '@SUM(1+1)*cmd', '+1+1', '-1+1', '{"$ne":null}', '{"$gt":""}', '[]', '{}', '"', '"}]}', '\\u0027', '\\"', 'null', 'true', 'undefined', 'NaN', '[object Object]',
]; // prettier-ignore
/** Names that have a meaning in JavaScript's own objects. */
export const objectNames = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__', 'valueOf'];

export const payloads: readonly string[] = [
  ...new Set([...sql, ...duckdb, ...text, ...paths, ...headers, ...templates, ...documents, ...objectNames]),
];
