/** A mounted set that does not fit together, as an operator that died while writing leaves it. */
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Bundle, compile, encodeBundle, mounted } from '@offloader/contract';
import { mountedSource } from '../src/bundle-source/mounted.ts';
import type { BundleSource } from '../src/bundle-source/source.ts';
import { followConfig } from '../src/follow-config.ts';
import type { Follower } from '../src/follow-config.ts';

const bundleOf = (hash: string): Bundle => {
  const key = { apiVersion: 'offloader.dev/v1alpha1', kind: 'ApiKey', metadata: { name: 'k' }, spec: { endpoints: ['*'], hash } };
  return compile({ auth: 'required', resources: [key], tokens: {}, releases: {}, lastGood: null }).bundle;
};
const filesOf = (hash: string, sequence: number): Readonly<Record<string, Uint8Array>> => {
  const { index, config, keys, credentials } = encodeBundle(bundleOf(hash), {}, sequence);
  return {
    [mounted.index]: Buffer.from(JSON.stringify(index)),
    ...Object.fromEntries(config.map((bytes, n) => [mounted.part(n), bytes])),
    [mounted.keys]: keys,
    [mounted.credentials]: credentials,
  };
};
const [old, fresh] = [filesOf('a'.repeat(64), 1), filesOf('b'.repeat(64), 2)];
/** The index of the new set over the parts of the old. */
const mixed = { ...old, [mounted.index]: fresh[mounted.index]! };

const until = async (what: string, condition: () => boolean): Promise<void> => {
  const deadline = Date.now() + 150_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe('a mixed set of parts', () => {
  let folder: string;
  let follower: Follower | undefined;
  let looks: number;
  let reads: number;
  let applied: number[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mixed-'));
    [looks, reads, applied] = [0, 0, []];
  });
  afterEach(async () => {
    follower?.stop();
    await rm(folder, { recursive: true });
  });

  const follow = async (): Promise<void> => {
    const source = mountedSource(folder);
    const counted: BundleSource = {
      isEditedInPlace: false,
      pollMs: source.pollMs,
      mark: () => {
        looks += 1;
        return source.mark();
      },
      read: () => {
        reads += 1;
        return source.read();
      },
    };
    follower = followConfig(counted, {
      apply: async ({ sequence }) => void applied.push(sequence),
      fallback: async () => undefined,
      isRequired: false,
      observe: () => undefined,
      onSync: () => undefined,
    });
    await follower.start();
  };
  /** As a kubelet does: a folder of its own, and one link that is turned. */
  let turn = 0;
  const swap = async (files: Readonly<Record<string, Uint8Array>>): Promise<void> => {
    turn += 1;
    const into = join(folder, `..${String(turn)}`);
    await mkdir(into);
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(into, name), bytes);
    await symlink(`..${String(turn)}`, join(folder, '..next'));
    await rename(join(folder, '..next'), join(folder, '..data'));
    for (const name of Object.keys(files)) await symlink(join('..data', name), join(folder, name)).catch(() => undefined);
  };
  /** Twenty looks are two seconds or more, with a read in two seconds; without backing off each would read everything. */
  const lookOn = async (): Promise<void> => {
    const [from, before, startedMs] = [looks, reads, performance.now()];
    await until('twenty looks', () => looks >= from + 20);
    expect(reads - before).toBeGreaterThan(0);
    expect(reads - before).toBeLessThanOrEqual(2 + (performance.now() - startedMs) / 2000);
  };

  test('in a mount of the kubelet is read seldom while nothing changes, and at once when it does', async () => {
    await swap(old);
    await follow();
    expect(applied).toEqual([1]);
    await swap(mixed);
    await lookOn();
    await swap(fresh);
    const from = looks;
    await until('the new set', () => applied.length === 2);
    expect(looks - from).toBeLessThan(10);
    expect(applied).toEqual([1, 2]);
  });

  test('in a plain folder likewise, when the last part arrives', async () => {
    for (const [name, bytes] of Object.entries(mixed)) await writeFile(join(folder, name), bytes);
    await follow();
    await lookOn();
    await writeFile(join(folder, mounted.keys), fresh[mounted.keys]!);
    for (const name of Object.keys(fresh)) await writeFile(join(folder, name), fresh[name]!);
    await until('the new set', () => applied.length === 1);
    expect(await readFile(join(folder, mounted.index))).toEqual(fresh[mounted.index]);
  });
});
