// The contract's "Environment and boot", as far as it speaks of containers: what Dockerfile.gateway says, and a gateway that runs under
// the same conditions. In a cluster the images themselves run so: e2e/tests/platform-team.test.ts.
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { type Container, containerUser, packetsSent, startContainer } from '../support/container.ts';
import { apiKey, endpoint, secretKeyBase, visitsDataset } from '../support/gateway.ts';
import { createLake, type Lake, visits } from '../support/lake.ts';
import { requiring } from '../support/linux.ts';

const dockerfile = await readFile(new URL('../../../Dockerfile.gateway', import.meta.url), 'utf8');
/** What the image itself is made with: its last stage. */
const image = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
const instruction = (name: string): string => new RegExp(`^${name} (.+)$`, 'm').exec(image)?.[1] ?? '';
/** Node.js's arguments in the health check. */
const healthcheck = (): readonly string[] =>
  (JSON.parse(/CMD (\[.+\])$/.exec(instruction('HEALTHCHECK'))?.[1] ?? '[]') as string[]).slice(1);

describe('Container: uid 10001 non-root, cache at a volume, healthcheck on /live, read-only config mount, no outbound telemetry; works with read-only root and no internet (extensions bundled).', () => {
  test('the image: its user, its volume, and nothing that installs software', () => {
    expect(instruction('USER')).toBe(`${containerUser}:${containerUser}`);
    expect(instruction('VOLUME')).toBe('/var/cache/offloader');
    expect(image).toContain(`chown ${containerUser}:${containerUser} /var/cache/offloader`);
    expect(image).toMatch(/^ {2}OFFLOADER_CACHE_DIR=\/var\/cache\/offloader \\$/m);
    expect(image).toMatch(/rm -rf .*\/usr\/local\/bin\/npm /);
    expect(image).not.toMatch(/^(ADD|ARG)|apt-get|https?:\/\/(?!127\.0\.0\.1:)/m);
  });

  test('the health check fails where nobody answers', async () => {
    const failed = new Promise((resolve) => execFile(process.execPath, [...healthcheck()], { env: { OFFLOADER_ADMIN_PORT: '1' } }, (error) => resolve(error?.code))); // prettier-ignore
    expect([healthcheck()[1], await failed]).toEqual([expect.stringContaining("+ '/live'"), 1]);
  });

  requiring('mounts').describe('a gateway under these conditions', () => {
    let folder: string;
    let lake: Lake;
    let container: Container;
    const get = async (url: string, token = ''): Promise<{ status: number; body: string }> => {
      const work = `fetch('${url}', { headers: { authorization: 'Bearer ${token}' } }).then(async (r) => console.log(JSON.stringify({ status: r.status, body: await r.text() })))`;
      return JSON.parse(await container.run('-e', work)) as { status: number; body: string };
    };
    const endpointUrl = (path: string): string => `http://127.0.0.1:4000/v1/endpoints/${path}`;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'offloader-mounted-'));
      lake = await createLake();
      for (const place of [folder, lake.folder]) await chmod(place, 0o755);
      await lake.publish('a1', visits(1), { format: 'csv' });
      const config = join(folder, 'config');
      await mkdir(config);
      const json = { schema: [...['tenant_id', 'day', 'visits'].map((name, n) => ({ name, type: ['VARCHAR', 'DATE', 'BIGINT'][n] }))] };
      const all = [visitsDataset(lake.url, json), endpoint('daily'), endpoint('scan', { servingMode: 'RemoteScan' }), apiKey('acme')];
      await writeFile(join(config, 'all.yaml'), all.map((one) => stringify(one)).join('---\n'));
      // No port is set: those of the contract are free in a network of its own.
      container = await startContainer(config, { OFFLOADER_SECRET_KEY_BASE: secretKeyBase, OFFLOADER_ADMIN_TOKEN: 'admin-token' });
      while ((await get('http://127.0.0.1:4001/ready')).status !== 200);
    });
    afterAll(async () => {
      await container.end();
      await lake.remove();
      await rm(folder, { recursive: true, force: true });
    });

    test('is nobody of rank, and can write nowhere but to its cache', async () => {
      const status = await readFile(`/proc/${container.pid}/status`, 'utf8');
      expect(/^Uid:\s+(.*)$/m.exec(status)?.[1]?.split('\t')).toEqual(Array(4).fill(String(containerUser)));
      expect(/^CapBnd:\s+(.*)$/m.exec(status)?.[1]).toMatch(/^0+$/);
      const mounts = (await readFile(`/proc/${container.pid}/mountinfo`, 'utf8')).split('\n').map((line) => line.split(' '));
      const modeOf = (end: string) => mounts.findLast(([, , , , place = '']) => (end === '/' ? place === end : place.endsWith(end)))?.[5]?.split(',')[0];
      expect(['/', '/app', '/config', '/cache'].map(modeOf)).toEqual(['ro', 'ro', 'ro', 'rw']);
    }); // prettier-ignore

    test('is healthy by the check of the image', async () => {
      await expect(container.run(...healthcheck())).resolves.toBe('');
    });

    test.each(['daily', 'daily.csv', 'daily.ndjson', 'daily.arrow', 'daily.parquet', 'scan', 'scan.parquet'])(
      'answers %s',
      async (path) => {
        const { status, body } = await get(endpointUrl(path), 'acme-token');
        expect([status, body.length > 20]).toEqual([200, true]);
      },
    );

    test('takes a snapshot of Parquet files and an edit of its configuration', async () => {
      await lake.publish('a2', visits(2));
      let seen = '';
      while (!seen.includes('"a2"')) seen = (await get(endpointUrl('daily'), 'acme-token')).body;
      await writeFile(join(folder, 'config', 'more.next'), stringify(endpoint('more')));
      await rename(join(folder, 'config', 'more.next'), join(folder, 'config', 'more.yaml'));
      while ((await get(endpointUrl('more'), 'acme-token')).status !== 200);
    });

    test('has sent nothing to anybody', async () => {
      expect(await packetsSent(container)).toBe(0);
      // Were something sent, it would be counted.
      await container.run('-e', `require('node:dgram').createSocket('udp4').send('x', 53, '192.0.2.1', () => process.exit())`);
      expect(await packetsSent(container)).toBe(1);
    });
  });
});
