// A proxy before a store that breaks connections where it is told to, or holds an answer back.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where an answer ends: before its head, or after this share of its bytes, or not at all. */
export type Break = 'before the head' | number | null;
export type BreakingProxy = {
  readonly url: string;
  /** How each GET ends; may also wait before it says so. */
  breakAt: (path: string) => Break | Promise<Break>;
  /** Ends the connections that are open, and every other as it opens; false lets them in again. */
  shut(isShut: boolean): void;
  /** Requests and connections that were broken so far. */
  readonly broken: () => number;
  end(): Promise<void>;
};

export const startBreakingProxy = async (storeUrl: string): Promise<BreakingProxy> => {
  let broken = 0;
  let isOpen = true;
  const { hostname, port, host } = new URL(storeUrl);
  const server = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    const onward = request({ hostname, port, method, path: url, headers: { ...headers, host: headers.host ?? host } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        void (async () => {
          const body = Buffer.concat(chunks);
          const at = method === 'GET' && answer.statusCode !== 304 ? await proxy.breakAt(url) : null;
          if (at !== null) broken += 1;
          if (at === 'before the head') return outgoing.destroy();
          outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
          if (at === null) return outgoing.end(body);
          // Flushed first, so that it is the client who sees that the rest is missing.
          return outgoing.write(body.subarray(0, Math.floor(body.length * at)), () => setTimeout(() => outgoing.destroy(), 20));
        })();
      });
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  server.on('connection', (socket) => {
    if (isOpen) return;
    broken += 1;
    socket.destroy();
  });
  await once(server, 'listening');
  const proxy: BreakingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    breakAt: () => null,
    shut: (isShut) => {
      isOpen = !isShut;
      if (isShut) server.closeAllConnections();
    },
    broken: () => broken,
    end: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
};
