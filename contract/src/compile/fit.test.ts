import { describe, expect, test } from '@jest/globals';
import { apiKey, dataset, endpoint, older } from '../../test/support/bad-resource.ts';
import type { Bundle } from '../bundle.ts';
import { encodeBundle, fitsGateways } from '../bundle-codec.ts';
import { sha256Hex } from '../canonical.ts';
import { compile, type CompileInput } from './compile.ts';
import { fitBundle, type Fits } from './fit.ts';

const inputOf = (resources: readonly unknown[], lastGood: Bundle | null = null): CompileInput => ({
  auth: 'required',
  resources,
  tokens: {},
  releases: {},
  lastGood,
});
const weight = (bundle: Bundle): number =>
  [...bundle.endpoints.map((one) => one.description ?? ''), ...bundle.keys.map((one) => one.tenant ?? '')].join('').length;
/** Room for so many letters of descriptions and tenants. */
const room =
  (letters: number): Fits =>
  async (bundle) =>
    weight(bundle) <= letters;
const fit = async (resources: readonly unknown[], fits: Fits, lastGood: Bundle | null = null) => {
  const input = inputOf(resources, lastGood);
  const { bundle, verdicts } = await fitBundle(input, compile(input), fits);
  const refused = verdicts.filter((one) => one.problems.some(({ code }) => code === 'configuration_full'));
  return { bundle, endpoints: bundle.endpoints.map((one) => one.object), refused: refused.map((one) => `${one.name}: ${one.serving}`) };
};
const described = (name: string, letters: number): object => endpoint({ name, description: 'x'.repeat(letters) }, name);

describe('a configuration that is too large', () => {
  test('takes in the older objects and tells the younger that there is no room', async () => {
    const { endpoints, refused } = await fit([dataset(), described('b', 4), older(described('z', 4)), described('c', 4)], room(8));
    expect(endpoints).toEqual(['b', 'z']);
    expect(refused).toEqual(['c: none']);
  });

  test('keeps what serves: an edit or a new object that is too much waits, a smaller one goes in', async () => {
    const before = compile(inputOf([dataset(), described('a', 4), described('b', 4)])).bundle;
    const edited = [dataset(), described('a', 9), described('b', 4), described('c', 2)];
    const { bundle, endpoints, refused } = await fit(edited, room(11), before);
    expect(endpoints).toEqual(['a', 'b', 'c']);
    expect(bundle.endpoints[0]).toEqual(before.endpoints[0]);
    expect(refused).toEqual(['a: last_good']);
  });

  test('has room again when something goes', async () => {
    const before = compile(inputOf([dataset(), described('a', 4), described('b', 4)])).bundle;
    expect(await fit([dataset(), described('b', 8)], room(8), before)).toMatchObject({ endpoints: ['b'], refused: [] });
  });

  test('still revokes: the key that has no room for its edit works no more', async () => {
    const key = (tenant: string, more = {}): object => apiKey({ tenant, ...more });
    const before = compile(inputOf([key('acme')])).bundle;
    const { bundle, refused } = await fit([key('a-longer-name', { state: 'Revoked' })], room(5), before);
    expect(bundle.keys).toMatchObject([{ tenant: 'acme', state: 'Revoked' }]);
    expect(refused).toEqual(['acme: last_good']);
  });

  test('of parts as they are mounted fits when it is done', async () => {
    const noise = (n: number): string => [0, 1, 2].map((at) => sha256Hex(`${String(n)} ${String(at)}`)).join('');
    const names = Array.from({ length: 5000 }, (_none, n) => `k${String(n).padStart(4, '0')}`);
    const keys = names.map((name, n) => apiKey({ hash: sha256Hex(name), tenant: noise(n) }, name));
    const resources = [dataset(), endpoint(), ...keys];
    expect(() => encodeBundle(compile(inputOf(resources)).bundle, {}, 1)).toThrow(RangeError);
    const { bundle, refused } = await fit(resources, async (one) => fitsGateways(one, {}));
    expect(encodeBundle(bundle, {}, 1).config).toHaveLength(1);
    expect(bundle.keys.length + refused.length).toBe(5000);
    expect(bundle.keys.length).toBeGreaterThan(3000);
  });
});
