import { describe, expect, test } from '@jest/globals';
import { badResources } from '../../test/bad-resources.ts';
import { dataset } from '../../test/support/bad-resource.ts';
import { goodResources } from '../../test/good-resources.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { parseResource } from '../resources/resource.ts';
import { compile } from './compile.ts';

const places = (problems: readonly Problem[]): readonly string[] => problems.map(({ code, path }) => `${code} at ${path}`);
const compiled = (resources: readonly unknown[], auth: 'required' | 'none' = 'required') =>
  compile({ auth, resources, tokens: {}, releases: {}, lastGood: null });

describe('what a resource can get wrong', () => {
  test.each(badResources)('$name is told with code and path', ({ object, code, path, beside = [], auth = 'required' }) => {
    const { verdicts } = compiled([...beside, object], auth);
    const { kind, metadata } = object as { kind: string; metadata: { name: string } };
    const verdict = verdicts.find((one) => one.kind === kind && one.name === metadata.name);
    expect(places(verdict?.problems ?? [])).toContain(`${code} at ${path}`);
    expect(verdict?.serving).toBe('none');
  });

  test.each(badResources.filter((row) => row.refusal !== undefined))('$name shows in the object alone', ({ object, code, path }) => {
    const parsed = parseResource(object);
    expect(places(parsed.ok ? [] : parsed.error)).toContain(`${code} at ${path}`);
  });

  test.each(badResources.filter((row) => row.beside !== undefined))('$name needs the other objects to show', ({ object }) => {
    expect(parseResource(object)).toMatchObject({ ok: true });
  });

  test('Codes: unknown_field, missing, invalid_type, invalid_value, unsafe_identifier, unsupported_type, duplicate_{column,param,dataset,endpoint,key}, unknown_{column,param,dataset,endpoint}, conflicting_origin, tenant_mismatch, tenant_forbidden, tenant_filter_forbidden, public_tenant_endpoint, invalid_default, missing_group_by, ungrouped_column, invalid_agg_on_json, column_not_selected, column_not_allowlisted, incomparable_param.', () => {
    const expected: readonly ProblemCode[] = [
      'unknown_field', 'missing', 'invalid_type', 'invalid_value', 'unsafe_identifier', 'unsupported_type', 'duplicate_column',
      'duplicate_param', 'duplicate_dataset', 'duplicate_endpoint', 'duplicate_key', 'unknown_column', 'unknown_param', 'unknown_dataset',
      'unknown_endpoint', 'conflicting_origin', 'tenant_mismatch', 'tenant_forbidden', 'tenant_filter_forbidden', 'public_tenant_endpoint',
      'invalid_default', 'missing_group_by', 'ungrouped_column', 'invalid_agg_on_json', 'column_not_selected', 'column_not_allowlisted',
      'incomparable_param',
    ];
    // Two of one name are in files alone.
    const twice = compiled([dataset(), dataset()]).verdicts.flatMap(({ problems }) => problems.map(({ code }) => code));
    // A pin or a blocked id that is no snapshot id has the code that a manifest has for it.
    const told = new Set([...badResources.map((row) => row.code), ...twice].filter((code) => code !== 'invalid_snapshot_id'));
    expect([...told].toSorted()).toEqual(expected.toSorted());
  }); // prettier-ignore

  test('rows have names of their own', () => {
    expect(new Set(badResources.map((row) => row.name)).size).toBe(badResources.length);
  });

  test('several faults of one object are told together', () => {
    const parsed = parseResource({
      apiVersion: 'offloader.dev/v1alpha1',
      kind: 'Dataset',
      metadata: { name: 'visits' },
      spec: { source: { manifest: { url: 'ftp://x' } }, schema: [{ name: 'a-b', type: 'DATE' }, { name: 'c' }], ownr: 'me' },
    });
    expect(places(parsed.ok ? [] : parsed.error)).toEqual(
      expect.arrayContaining([
        'invalid_value at spec.source.manifest.url',
        'unsafe_identifier at spec.schema[0].name',
        'missing at spec.schema[1].type',
        'unknown_field at spec.ownr',
      ]),
    );
  });

  test.each([
    undefined,
    null,
    7,
    'Dataset',
    [],
    {},
    { kind: 'Dataset', apiVersion: 'v1' },
    { kind: 'toString', apiVersion: 'offloader.dev/v1alpha1' },
  ])('%j is none of the three kinds', (raw) => {
    const parsed = parseResource(raw);
    expect(places(parsed.ok ? [] : parsed.error)).toEqual(['invalid_value at kind']);
  });

  test('the reference examples are sound, and compile together', () => {
    expect(goodResources.map((raw) => parseResource(raw).ok)).toEqual(goodResources.map(() => true));
    expect(compiled(goodResources).verdicts.flatMap((verdict) => verdict.problems)).toEqual([]);
  });

  test('a field that is written down empty counts as absent', () => {
    const key = {
      apiVersion: 'offloader.dev/v1alpha1',
      kind: 'ApiKey',
      metadata: { name: 'acme' },
      spec: { endpoints: ['*'], tenant: null },
    };
    const parsed = parseResource({ ...key, spec: { ...key.spec, hash: 'a'.repeat(64) } });
    expect(parsed.ok && 'tenant' in parsed.value.spec).toBe(false);
    const empty = parseResource({ ...key, spec: { ...key.spec, hash: null } });
    expect(places(empty.ok ? [] : empty.error)).toEqual(['missing at spec.hash']);
  });
});
