/** A node's kubelet, as the API server asks it: logs of pods, and connections to their ports, which lead where the test says. */
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { acceptWebSocket } from './web-socket.ts';

export type Kubelet = {
  readonly port: number;
  /** By pod; `POD.previous` for the run before its restart. */
  readonly logs: Map<string, string>;
  /** By `POD:PORT`: the port on this machine that answers for it. */
  readonly ports: Map<string, number>;
  /** Forwards that were opened so far, and those that are open now. */
  readonly forwards: { opened: number; open: number };
  stop(): Promise<void>;
};

const protocol = 'v4.channel.k8s.io';

export const startKubelet = async (certificate: { readonly key: string; readonly cert: string }): Promise<Kubelet> => {
  const logs = new Map<string, string>();
  const ports = new Map<string, number>();
  const forwards = { opened: 0, open: 0 };
  const server = createServer(certificate, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://node');
    const [, , , pod = ''] = pathname.split('/');
    const text = logs.get(searchParams.get('previous') === 'true' ? `${pod}.previous` : pod);
    if (text === undefined) response.writeHead(404).end('no such log');
    else response.writeHead(200, { 'content-type': 'text/plain' }).end(text);
  });
  server.on('upgrade', (request, socket) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://node');
    const [, , , pod = ''] = pathname.split('/');
    const named = Number(searchParams.get('port'));
    const port = ports.get(`${pod}:${String(named)}`);
    if (port === undefined) return void socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
    const target = connect(port, '127.0.0.1');
    forwards.opened += 1;
    forwards.open += 1;
    const peer = acceptWebSocket(request, socket, protocol, (payload) => {
      if (payload[0] === 0) target.write(payload.subarray(1));
    });
    // Both channels begin with the number of the port.
    for (const channel of [0, 1]) peer.send(Buffer.from([channel, named & 0xff, named >> 8]));
    target.on('data', (chunk) => peer.send(Buffer.concat([Buffer.from([0]), chunk])));
    target.on('error', () => peer.end());
    target.on('end', () => peer.end());
    socket.on('close', () => {
      forwards.open -= 1;
      target.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    logs,
    ports,
    forwards,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
