/** The failure lab's snapshots as `manifest validate` judges them. */
import { describe, expect, test } from '@jest/globals';
import { offloader } from './run-offloader.ts';

describe('the failure lab', () => {
  const validate = (name: string) =>
    offloader(['manifest', 'validate', `examples/failure-lab/${name}/manifest.json`, '--config', 'examples/usage/resources']);

  test.each([
    ['bad-manifest', ['duplicate_column', 'invalid_snapshot_id', 'missing', 'unsupported_type']],
    ['narrowed-type', ['incompatible_schema']],
    ['missing-file', ['missing_file']],
  ])('%s is refused for exactly what is wrong with it', async (name, codes) => {
    const ran = await validate(name);
    expect(ran).toMatchObject({ code: 1, out: '' });
    const found = ran.err
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(': ')[2]);
    expect(found.sort()).toEqual(codes);
  });

  test('stale is valid: age is no defect', async () => {
    expect(await validate('stale')).toMatchObject({ code: 0, err: '' });
  });
});
