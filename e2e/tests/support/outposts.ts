/** Pods that look at the cluster from where they stand: which addresses they can connect to, and calls that go through them. */
import { applyIn, get, kubectl } from './kubectl.ts';

/** HOST:PORT. */
export type Address = string;
export type Outpost = { readonly name: string; readonly namespace: string; readonly ip: string };
type Place = { readonly name: string; readonly namespace: string; readonly labels?: Readonly<Record<string, string>> };

const inPods = `
import { createServer, request } from 'node:http';
import { connect, createServer as listener } from 'node:net';
// A connection that is not there after five seconds is taken for refused.
const connects = (address) => new Promise((resolve) => {
  const [host, port] = address.split(':');
  const socket = connect({ host, port: Number(port) });
  const end = (is) => { clearTimeout(patience); socket.destroy(); resolve(is); };
  const patience = setTimeout(end, 5000, false);
  socket.once('connect', () => end(true)).once('error', () => end(false));
});
const connectsToEach = async (addresses) => JSON.stringify(await Promise.all(addresses.map(connects)));
`;

/** It accepts connections at these, whether anybody should make them or not. */
export const openPorts = [53, 443, 6443, 7000] as const;
const relayPort = 7001;

/** Beside that: /connects?HOST:PORT,… tells, and /to/HOST:PORT/… passes a request on, each by a connection of its own. */
const outpostScript = `${inPods}
for (const port of ${JSON.stringify(openPorts)}) listener((socket) => socket.on('error', () => {}).end()).listen(port);
createServer(async (incoming, outgoing) => {
  if (incoming.url.startsWith('/connects?')) return outgoing.end(await connectsToEach(incoming.url.slice(10).split(',')));
  const [, address, path] = /^\\/to\\/([^/]+)(.*)$/.exec(incoming.url);
  const [host, port] = address.split(':');
  const { authorization = '' } = incoming.headers;
  const forward = request({ host, port, path, agent: false, headers: { authorization, connection: 'close' } }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  forward.on('error', (error) => outgoing.writeHead(502).end(error.message)).end();
}).listen(${String(relayPort)});
`;

const podOf = ({ name, labels = {} }: Place, image: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] },
    containers: [
      {
        name: 'outpost',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['node', '--input-type=module', '--eval', outpostScript],
        readinessProbe: { tcpSocket: { port: relayPort }, periodSeconds: 1 },
      },
    ],
  },
});

/** The image of the gateways: it is in the cluster already, and has Node.js. */
const image = async (): Promise<string> => {
  const { template } = (await get('statefulset/offloader-gateway')).spec as {
    template: { spec: { containers: readonly { image: string }[] } };
  };
  return template.spec.containers[0]?.image ?? '';
};

const placed = async (place: Place): Promise<Outpost> => {
  const { name, namespace } = place;
  await applyIn(namespace, podOf(place, await image()));
  await kubectl('wait', '--namespace', namespace, '--for=condition=Ready', `pod/${name}`, '--timeout=120s');
  const ip = await kubectl('get', '--namespace', namespace, `pod/${name}`, '-o', 'jsonpath={.status.podIP}');
  return { name, namespace, ip };
};

/** Makes the namespaces and a pod at each place; resolves when they are ready. */
export const outposts = async (...places: readonly Place[]): Promise<readonly Outpost[]> => {
  for (const name of new Set(places.map(({ namespace }) => namespace)))
    await applyIn(name, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return Promise.all(places.map(placed));
};

export const abandon = async (namespaces: readonly string[]): Promise<void> => {
  await kubectl('delete', 'namespace', ...namespaces, '--ignore-not-found', '--timeout=120s');
};

/** Where requests go that this pod shall pass on to an address. */
export const via = ({ ip }: Outpost, address: Address): string => `http://${ip}:${String(relayPort)}/to/${address}`;

/** Whether connections from the outpost to each address come about. */
export const connectsFrom = async ({ ip }: Outpost, addresses: readonly Address[]): Promise<readonly boolean[]> =>
  (await (await fetch(`http://${ip}:${String(relayPort)}/connects?${addresses.join(',')}`)).json()) as readonly boolean[];

/** The same from within a pod of the release. */
export const connectsFromPod = async (pod: string, addresses: readonly Address[]): Promise<readonly boolean[]> => {
  const script = `${inPods}console.log(await connectsToEach(process.argv.slice(1)));`;
  return JSON.parse(await kubectl('exec', pod, '--', 'node', '--input-type=module', '--eval', script, ...addresses)) as readonly boolean[];
};
