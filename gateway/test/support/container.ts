// A gateway as a container of its image runs it, without the image: our sources at a place that cannot be written, root's file system
// read-only, user 10001 without any rights, and a network that leads nowhere and counts what is sent. Needs root.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { removeUsed } from './gateway.ts';
import { command } from './process.ts';

export type Container = {
  /** Runs Node.js with these arguments in the container's network; answers what it prints. */
  run(...args: readonly string[]): Promise<string>;
  /** Of the gateway itself. */
  readonly pid: number;
  readonly lines: readonly string[];
  end(): Promise<void>;
};

const repository = new URL('../../../', import.meta.url).pathname;
export const containerUser = 10001;
/** Its one way out: no address answers there, and nothing is lost that is sent. */
const wayOut = 'out0';

/** $1 the folder of the container, $2 ours, $3 that of the configuration; the rest is the command. The cache is all that may be written. */
const script = `set -e
ip link set lo up
ip link add ${wayOut} type veth peer name ${wayOut}-end
for end in ${wayOut} ${wayOut}-end; do ip link set $end addrgenmode none; ip link set $end up; done
ip address add 192.0.2.2/24 dev ${wayOut}
ip neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev ${wayOut}
ip route add default via 192.0.2.1
mount --bind "$2" "$1/app"
mount -o remount,bind,ro "$1/app"
mount --bind "$3" "$3"
mount -o remount,bind,ro "$3"
mount --bind "$1/cache" "$1/cache"
mount -o remount,bind,ro /
cd "$1/app"
shift 3
exec setpriv --reuid ${containerUser} --regid ${containerUser} --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"`;

/** Starts a gateway on a folder of configuration, and waits until it has booted. */
export const startContainer = async (config: string, environment: Readonly<Record<string, string>>): Promise<Container> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-container-'));
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'app'));
  await mkdir(join(folder, 'cache'));
  await chown(join(folder, 'cache'), containerUser, containerUser);
  const inside = command.map((part) => part.replace(repository, `${folder}/app/`));
  const child = spawn('unshare', ['--mount', '--net', '--propagation', 'private', 'bash', '-c', script, 'bash', folder, repository, config, ...inside], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', OFFLOADER_CONFIG: config, OFFLOADER_CACHE_DIR: join(folder, 'cache'), ...environment },
  }); // prettier-ignore
  const lines: string[] = [];
  const exit = once(child, 'exit');
  const booted = new Promise<undefined>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on('line', (line) => {
        lines.push(line);
        if (line.includes('"kind":"booted"')) resolve(undefined);
      });
  });
  if ((await Promise.race([booted, exit])) !== undefined) throw new Error(lines.join('\n'));
  const pid = child.pid!;
  return {
    pid,
    lines,
    run: async (...args) =>
      (await promisify(execFile)('nsenter', ['--target', String(pid), '--net', process.execPath, ...args])).stdout.trim(),
    end: async () => {
      child.kill('SIGKILL');
      await exit;
      await removeUsed(folder);
    },
  };
};

/** The packets that have left a container's network so far. */
export const packetsSent = async (container: Container): Promise<number> => {
  const table = await container.run('-p', `fs.readFileSync('/proc/self/net/dev', 'utf8')`);
  const [, numbers = ''] = table.split(`${wayOut}:`);
  return Number(numbers.trim().split(/\s+/)[9]);
};
