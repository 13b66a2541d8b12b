import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { extract } from 'tar';
import { inFolder, offloader } from './run-offloader.ts';

const canary = 'c4n4ry-S3cr3t';
const project = {
  'datasets/d.yaml': `kind: Dataset\nspec: {source: {manifest: {url: "https://u:${canary}@host/m.json"}}}\n`,
  'keys.yml': `kind: ApiKey\nspec:\n  hash: ${'ab'.repeat(32)}\n`,
  'secret.yaml': `apiVersion: v1\nkind: Secret\nstringData:\n  odd_name: ${canary}\n`,
  'settings.json': JSON.stringify({ OFFLOADER_SECRET_KEY_BASE: canary, OFFLOADER_POOL_SIZE: 16 }),
  'notes.txt': 'not configuration',
};

/** An admin port that leaks everywhere it can. */
const leakyGateway = async () => {
  const server = createServer((request, response) => {
    const isOpen = request.url !== '/diagnostics' || request.headers.authorization === `Bearer ${canary}`;
    response.writeHead(isOpen ? 200 : 401).end(JSON.stringify({ incidents: [], admin_token: canary, path: request.url }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return { url, close: () => server.close() };
};

test('a bundle holds configuration and reports without a secret, and a manifest with the checksums of what it holds', () =>
  inFolder(async (folder) => {
    for (const [path, text] of Object.entries(project)) {
      await mkdir(join(folder, 'project', path, '..'), { recursive: true });
      await writeFile(join(folder, 'project', path), text);
    }
    const gateway = await leakyGateway();
    const out = join(folder, 'bundle.tar.gz');
    const ran = await offloader([
      'support-bundle',
      '--config',
      join(folder, 'project'),
      '--admin-url',
      gateway.url,
      '--admin-token',
      canary,
      '--out',
      out,
    ]);
    gateway.close();
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).not.toContain(canary);
    expect((await stat(out)).mode & 0o077).toBe(0);
    await mkdir(join(folder, 'in'));
    await extract({ file: out, cwd: join(folder, 'in') });
    const manifest = JSON.parse(await readFile(join(folder, 'in/manifest.json'), 'utf8'));
    expect(manifest.files.map(({ path }: { path: string }) => path).sort()).toEqual([
      ...['config/datasets/d.yaml', 'config/keys.yml', 'config/secret.yaml', 'config/settings.json'],
      ...['diagnostics.json', 'metrics.txt', 'ready.json', 'status.json', 'triage.txt'],
    ]);
    for (const { path, bytes, sha256 } of manifest.files) {
      const content = await readFile(join(folder, 'in', path));
      expect(content.toString()).not.toContain(canary);
      expect({ bytes, sha256 }).toEqual({ bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') });
    }
    expect(await readFile(join(folder, 'in/config/keys.yml'), 'utf8')).toContain('ab'.repeat(32));
  }));

test('without a gateway it lists what could not be fetched, and is 0 all the same', () =>
  inFolder(async (folder) => {
    const out = join(folder, 'bundle.tar.gz');
    const args = ['support-bundle', '--admin-url', 'http://127.0.0.1:9', '--config', join(folder, 'nope'), '--out', out];
    expect(await offloader(args)).toMatchObject({ code: 0, out: expect.stringContaining('not fetched: /diagnostics') });
    expect(await offloader(args)).toMatchObject({ code: 1, err: expect.stringContaining('--force') });
  }));
