/**
 * A gateway that really runs, as a pod: a process of its own on a folder as its cache volume, its configuration mounted as a
 * kubelet would, and its admin port at the pod's address. It ends when its Pod is taken away.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { annotations } from '@offloader/contract';
import { addresses, adminToken, mountParts, mountTmpfs, PodObject, Proxy, release, remount, unmount, until } from './parts.ts';
import type { Gateway, World } from './parts.ts';

const sources = ['--conditions=source', '--disable-warning=ExperimentalWarning', new URL('gateway-process.ts', import.meta.url).pathname];

/** Where it stands. */
export type Place = Pick<World, 'client' | 'namespace' | 'gateways'>;
export type Manner = {
  /** Its cache volume: a folder, or a file system of its own that can be made to fail. */
  readonly volume?: 'folder' | 'mount';
  /** What runs after `node`; unless said, its sources, with a volume that is looked at often enough for a test. */
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A kubelet looks every few seconds; here a moment has to do. */
  readonly lookMs?: number;
};
type Life = {
  readonly child: ChildProcess;
  readonly adminPort: number;
  readonly apiPort: number;
  readonly folder: string;
  readonly cacheDir: string;
};

export class GatewayPod implements Gateway {
  readonly name: string;
  readonly #ip: string;
  readonly #pod: PodObject;
  readonly #manner: Required<Manner>;
  readonly #proxy = new Proxy(0);
  readonly #mounts: string[] = [];
  #folder = '';
  #lives = 0;
  #life: Life | undefined;
  #kubelet: Promise<void> = Promise.resolve();
  #isOver = false;

  private constructor({ client, namespace, gateways }: Place, manner: Manner) {
    this.#manner = { volume: 'folder', command: sources, environment: {}, lookMs: 50, ...manner };
    const n = gateways.length;
    this.name = `${release}-gateway-${String(n)}`;
    this.#ip = addresses[n] ?? '';
    this.#pod = new PodObject({ client, namespace, release, name: this.name, ip: this.#ip });
  }

  /** The next replica of a world, Ready as soon as it serves. */
  static async add(world: Place, manner: Manner = {}): Promise<GatewayPod> {
    const pod = new GatewayPod(world, manner);
    pod.#folder = await mkdtemp(join(tmpdir(), 'offloader-pod-'));
    await pod.#proxy.start(pod.#ip, world.gateways[0]?.port ?? 0);
    world.gateways.push(pod);
    await pod.appear();
    return pod;
  }

  /** Of the admin port, at the pod's address. */
  get port(): number {
    return this.#proxy.port;
  }

  /** A new Pod, process and volume. */
  async appear(): Promise<void> {
    await this.#kubelet;
    await this.#pod.create();
    this.#lives += 1;
    const life = `${this.#folder}/${String(this.#lives)}`;
    await mkdir(join(life, 'cache'), { recursive: true });
    await mkdir(join(life, 'config'));
    if (this.#manner.volume === 'mount') {
      mountTmpfs(join(life, 'cache'), 64 * 2 ** 20);
      this.#mounts.push(join(life, 'cache'));
    }
    const { uid } = (await this.#pod.read()).metadata;
    this.#life = await this.#boot(life);
    this.#proxy.restore(this.#life.adminPort);
    this.#kubelet = this.#attend(String(uid), join(life, 'config'));
  }

  /** Its container ends and is started again: the same Pod, the same volume, another process. */
  async restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child, folder } = this.#living;
    await end(child, signal);
    this.#proxy.cut();
    this.#life = await this.#boot(folder);
    this.#proxy.restore(this.#life.adminPort);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#kubelet;
    await this.#proxy.stop();
    for (const folder of this.#mounts) unmount(folder);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Of the API. */
  get apiUrl(): string {
    return `http://127.0.0.1:${String(this.#living.apiPort)}`;
  }

  /** Of the admin port, where the operator reads it. */
  get adminUrl(): string {
    return `http://${this.#ip}:${String(this.port)}`;
  }

  /** What the operator reads, where it reads it. */
  async diagnostics(): Promise<any> {
    return (await this.#admin('/diagnostics')).json();
  }

  async metrics(): Promise<string> {
    return (await this.#admin('/metrics')).text();
  }

  /** The folder of the snapshots leads to itself for ever: it can neither be read nor written. */
  async loopVolume(): Promise<void> {
    const snapshots = join(this.#living.cacheDir, 'snapshots');
    await rename(snapshots, `${snapshots}-away`);
    await until('the folder to lead to itself', async () => {
      try {
        await symlink('snapshots', snapshots);
        return true;
      } catch {
        // The gateway was quicker, and has made the folder anew.
        await rm(snapshots, { recursive: true, force: true });
        return false;
      }
    });
  }

  /** The disk below a mounted volume lets nothing be written any more. */
  async lockVolume(): Promise<void> {
    const { cacheDir } = this.#living;
    await until('nothing to be open for writing', () => {
      try {
        remount(cacheDir, 'ro');
        return true;
      } catch {
        return false;
      }
    });
  }

  /** The status of an answer of its API. */
  async ask(path: string): Promise<number> {
    return (await this.answer(path)).status;
  }

  /** What its API answers, as JSON. */
  async answer(path: string, token?: string): Promise<{ readonly status: number; readonly body: any }> {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`${this.apiUrl}${path}`, { headers });
    return { status: answer.status, body: await answer.json() };
  }

  /** Nobody reaches its admin port any more, until `restore`; its API goes on. */
  cutOff(): void {
    this.#proxy.cut();
  }

  restore(): void {
    this.#proxy.restore();
  }

  get pid(): number {
    return this.#living.child.pid ?? 0;
  }

  /** Where its cache volume lies. */
  get cacheDir(): string {
    return this.#living.cacheDir;
  }

  get #living(): Life {
    if (this.#life === undefined) throw new Error(`${this.name} has not been started`);
    return this.#life;
  }

  async #admin(path: string): Promise<Response> {
    return fetch(`${this.adminUrl}${path}`, { headers: { authorization: `Bearer ${adminToken}` } });
  }

  async #boot(folder: string): Promise<Life> {
    const cacheDir = join(folder, 'cache');
    const child = spawn(process.execPath, this.#manner.command, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'] ?? '',
        // A boot is mostly the reading of sources, and there are several.
        NODE_COMPILE_CACHE: join(tmpdir(), 'offloader-compiled'),
        OFFLOADER_CONFIG: join(folder, 'config'),
        OFFLOADER_CACHE_DIR: cacheDir,
        OFFLOADER_API_PORT: '0',
        OFFLOADER_ADMIN_PORT: '0',
        OFFLOADER_ADMIN_TOKEN: adminToken,
        OFFLOADER_POD_NAME: this.name,
        OFFLOADER_SECRET_KEY_BASE: 'a secret of the tests that is long enough for them',
        OFFLOADER_DUCKDB_THREADS: '1',
        OFFLOADER_POOL_SIZE: '2',
        OFFLOADER_DRAIN_DELAY: '1ms',
        ...this.#manner.environment,
      },
    });
    return new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${this.name} ended with ${String(code)}`)));
      createInterface(child.stdout).on('line', (line) => {
        if (!line.includes('"kind":"booted"')) return;
        const { adminPort, apiPort } = JSON.parse(line) as { adminPort: number; apiPort: number };
        resolve({ child, adminPort, apiPort, folder, cacheDir });
      });
    });
  }

  /** What a kubelet does until the pod has gone: mounts when nudged, tells whether it is ready, and ends the process. */
  async #attend(uid: string, configDir: string): Promise<void> {
    let nudge: string | null | undefined = null;
    let isReady: boolean | undefined;
    const look = async (): Promise<'goes on' | 'is gone'> => {
      const found = await this.#pod.read();
      if (found?.metadata.uid !== uid) return 'is gone';
      const wanted = found.metadata.annotations?.[annotations.configRevision] as string | undefined;
      if (wanted !== nudge) await mountParts(configDir, await this.#pod.mount());
      nudge = wanted;
      const isServing = (await this.#admin('/ready').catch(() => undefined))?.status === 200;
      if (isServing !== isReady) await this.#pod.showReady(isServing);
      isReady = isServing;
      return 'goes on';
    };
    // As long as the API server does not answer all stays as it is.
    while (!this.#isOver && (await look().catch(() => 'goes on')) === 'goes on')
      await new Promise((resolve) => setTimeout(resolve, this.#manner.lookMs));
    this.#proxy.cut();
    await end(this.#living.child, 'SIGKILL');
  }
}

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
};
