import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { apiKey, filtering, source } from '../test/support/bad-resource.ts';
import type { Bundle, BundleIndex, Credentials } from './bundle.ts';
import { decodeBundle, type EncodedBundle, encodeBundle } from './bundle-codec.ts';
import { compile } from './compile/compile.ts';
import { maxConfigParts, maxPartBytes, mounted } from './names.ts';

const bundleOf = (resources: readonly unknown[]): Bundle =>
  compile({ auth: 'required', resources, tokens: {}, releases: {}, lastGood: null }).bundle;
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const endpoints = (count: number, description: (n: number) => string): readonly object[] =>
  Array.from({ length: count }, (_none, n) =>
    filtering({}, {}, { name: `e${n}`, description: description(n), owner: `team-${n % 7}`, pagination: { maxLimit: 100 + n } }),
  ).map((made, n) => ({ ...made, metadata: { name: `e${n}` } }));
const keys = (count: number): readonly object[] =>
  Array.from({ length: count }, (_none, n) =>
    apiKey(
      {
        hash: hashOf(`token-${n}`),
        tenant: `tenant-${n}`,
        endpoints: [`e${n % 5}`, `e${n}`].filter((name, at, all) => all.indexOf(name) === at),
      },
      `k${n}`,
    ),
  );
const filesOf = ({ config, keys: keysPart, credentials }: EncodedBundle): ReadonlyMap<string, Uint8Array> =>
  new Map([...config.map((bytes, n) => [mounted.part(n), bytes] as const), [mounted.keys, keysPart], [mounted.credentials, credentials]]);
const decode = (encoded: EncodedBundle, files = filesOf(encoded), index: unknown = encoded.index) =>
  decodeBundle(index, (file) => files.get(file));

const withSecret = source({ credentialsSecretRef: { name: 'lake' } });
const small = bundleOf([withSecret, ...endpoints(3, () => 'text'), ...keys(3)]);
const secrets: Credentials = { lake: { accessKeyId: 'id', secretAccessKey: 'se"cret\n' } };
const encoded = encodeBundle(small, secrets, 7);

describe('a bundle in its parts', () => {
  test('comes back as it was', () => {
    expect(decode(encoded)).toEqual({ ok: true, value: { bundle: small, credentials: secrets, sequence: 7 } });
  });

  test('comes back as it was, whatever the resources hold', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 50 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), fc.record({ lake: fc.dictionary(text, text) }), fc.nat(), (texts, found, sequence) => {
        const bundle = bundleOf([withSecret, ...endpoints(texts.length, (n) => texts[n] ?? '')]);
        // Keys such as __proto__ are data as well.
        const credentials = JSON.parse(JSON.stringify(found)) as Credentials;
        const { index, ...parts } = encodeBundle(bundle, credentials, sequence);
        expect(decode({ ...parts, index: JSON.parse(JSON.stringify(index)) as BundleIndex })).toEqual({
          ok: true,
          value: { bundle, credentials, sequence },
        });
      }),
    );
  });

  test('has the same bytes every time', () => {
    expect(encodeBundle(bundleOf([...keys(3), ...endpoints(3, () => 'text').toReversed(), withSecret]), secrets, 7)).toEqual(encoded);
  });

  test('names every part in the index, with digest and size', () => {
    const files = filesOf(encoded);
    expect(encoded.index.parts.map((part) => part.file)).toEqual([...files.keys()]);
    for (const { file, sha256, bytes } of encoded.index.parts) {
      expect([file, bytes]).toEqual([file, files.get(file)?.length]);
      expect(sha256).toBe(createHash('sha256').update(files.get(file)!).digest('hex'));
    }
  });

  test('holds hashes in the keys part and credentials in the credentials part, and nowhere else', () => {
    const { gunzipSync } = process.getBuiltinModule('node:zlib');
    const holders = (needle: string) =>
      [...filesOf(encoded)].filter(([, bytes]) => gunzipSync(bytes).includes(needle)).map(([file]) => file);
    expect(holders(hashOf('token-1'))).toEqual([mounted.keys]);
    expect(holders('se\\"cret')).toEqual([mounted.credentials]);
    expect(JSON.stringify(encoded.index)).not.toContain(hashOf('token-1'));
  });

  test.each([...filesOf(encoded).keys()])('is refused without %s', (missing) => {
    const rest = new Map([...filesOf(encoded)].filter(([file]) => file !== missing));
    expect(decode(encoded, rest)).toEqual({ ok: false, error: `${missing} is missing` });
  });

  test.each([...filesOf(encoded).keys()])('is refused when the index does not list %s', (file) => {
    const index = { ...encoded.index, parts: encoded.index.parts.filter((part) => part.file !== file) };
    expect(decode(encoded, filesOf(encoded), index).ok).toBe(false);
  });

  test('is refused when any bit of any part is another', () => {
    const files = [...filesOf(encoded)];
    fc.assert(
      fc.property(fc.nat(files.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, where, by) => {
        const [file, bytes] = files[which]!;
        const altered = Uint8Array.from(bytes);
        altered[where % altered.length]! ^= by;
        expect(decode(encoded, new Map([...files, [file, altered]]))).toEqual({
          ok: false,
          error: `${file} does not match its digest in index.json`,
        });
      }),
    );
  });

  test('is refused when a part is of another revision, though its digest is in the index', () => {
    const other = encodeBundle(bundleOf([withSecret, ...endpoints(2, () => 'text'), ...keys(3)]), secrets, 8);
    const parts = encoded.index.parts.map((part) => (part.file === mounted.part(0) ? other.index.parts[0]! : part));
    const files = new Map([...filesOf(encoded), [mounted.part(0), other.config[0]!]]);
    expect(decode(encoded, files, { ...encoded.index, parts })).toEqual({
      ok: false,
      error: `the parts do not add up to revision ${small.revision}`,
    });
  });

  test('is refused when the index promises another auth', () => {
    expect(decode(encoded, filesOf(encoded), { ...encoded.index, auth: 'none' }).ok).toBe(false);
  });

  test.each([
    undefined, null, 7, 'index', [], {}, { ...encoded.index, format: 2 }, { ...encoded.index, revision: undefined },
    { ...encoded.index, sequence: '7' }, { ...encoded.index, auth: 'maybe' }, { ...encoded.index, parts: null }, { ...encoded.index, parts: [null] },
    { ...encoded.index, parts: [{ file: 'part-0.json.gz' }] },
  ])('%j is no index', (index) => {
    expect(decodeBundle(index, (file) => filesOf(encoded).get(file))).toEqual({ ok: false, error: 'index.json is not an index of format 1' });
  }); // prettier-ignore

  test.each(['not gzip', 'null'])('a part that holds %j is refused, digest or not', (text) => {
    const { gzipSync } = process.getBuiltinModule('node:zlib');
    const bytes = text === 'null' ? gzipSync(text) : Buffer.from(text);
    for (const file of filesOf(encoded).keys()) {
      const parts = encoded.index.parts.map((part) =>
        part.file === file ? { ...part, sha256: createHash('sha256').update(bytes).digest('hex') } : part,
      );
      expect(decode(encoded, new Map([...filesOf(encoded), [file, bytes]]), { ...encoded.index, parts }).ok).toBe(false);
    }
  });
});

describe('large bundles', () => {
  test('5,000 endpoints and 5,000 keys fit.', () => {
    const large = bundleOf([withSecret, ...endpoints(5000, (n) => `Visits ${hashOf(String(n))}`), ...keys(5000)]);
    expect([large.endpoints.length, large.keys.length]).toEqual([5000, 5000]);
    const parts = encodeBundle(large, secrets, 1);
    expect(parts.config.length).toBeLessThanOrEqual(maxConfigParts);
    for (const bytes of filesOf(parts).values()) expect(bytes.length).toBeLessThanOrEqual(maxPartBytes);
    expect(decode(parts)).toMatchObject({ ok: true, value: { bundle: { revision: large.revision } } });
  });

  test('what does not fit into one part is split, in order', () => {
    const noise = (n: number): string =>
      Array.from({ length: 30 }, (_none, at) => hashOf(`${n} ${at}`))
        .join('')
        .slice(0, 1900);
    const parts = encodeBundle(bundleOf([withSecret, ...endpoints(1500, noise)]), {}, 1);
    expect(parts.config.length).toBeGreaterThan(1);
    for (const bytes of parts.config) expect(bytes.length).toBeLessThanOrEqual(maxPartBytes);
    expect(decode(parts)).toMatchObject({ ok: true });
  });

  test('keys that fit into no part are refused, not cut', () => {
    const many = {
      ...small,
      keys: Array.from({ length: 12_000 }, (_none, n) => ({
        ...small.keys[0]!,
        id: hashOf(`id ${n}`),
        hashes: [{ sha256: hashOf(`${n}`), notAfter: null }],
      })),
    };
    expect(() => encodeBundle(many, {}, 1)).toThrow(RangeError);
  });
});
