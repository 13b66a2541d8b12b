/** A port that can be left without losing anybody: first its clients are asked to go, then it is closed, then whoever is left is cut. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { maxHeaderBytes } from './http/envelope.ts';
import { answerUnreadable, type BelowRoutes, routable } from './http/unreadable.ts';

export type Listener = {
  readonly port: number;
  /** From now on every answer ends its connection, so that clients that keep theirs find another replica; all are served. */
  drain(): void;
  /** Takes no new connection, lets requests in flight end for `longestMs` at most, and resolves when all connections are closed. */
  close(longestMs: number): Promise<void>;
};

/** Time for bytes that are on their way to a connection that seems idle. */
const idleMs = 250;

/** Above the 60 s after which usual load balancers leave an idle connection: who closes first loses no request to the other's close. */
const keepAliveMs = 65_000;

/** Where a port is set, and which; on every address of this machine, or on `host` alone. */
export type PortSetting = { readonly env: string; readonly port: number; readonly host?: string };

const unheard: BelowRoutes = { headers: {}, refused: () => undefined };

/**
 * Rejects with one line that names the setting and what mends it when the port cannot be had; 0 takes a free one. `below` is for
 * requests that `app` never sees.
 */
export const listen = async (app: RequestListener, { env, port, host }: PortSetting, below: BelowRoutes = unheard): Promise<Listener> => {
  let isDraining = false;
  const unused = new Set<Socket>();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    unused.delete(request.socket);
    if (isDraining) response.setHeader('Connection', 'close');
    if (routable(request, response, below)) app(request, response);
  };
  const server = createServer(
    { maxHeaderSize: maxHeaderBytes, requestTimeout: 30_000, keepAliveTimeout: keepAliveMs, requireHostHeader: false },
    answer,
  );
  // An expectation that nobody knows is no reason to refuse (RFC 9110 §10.1.1).
  server.on('checkExpectation', answer);
  server.on('clientError', answerUnreadable(below));
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  /** Idle connections, and those that were opened ahead and have brought nothing: Node.js counts these as busy. */
  const closeIdle = (): void => {
    server.closeIdleConnections();
    for (const socket of unused) if (socket.bytesRead === 0) socket.destroy();
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      const why = code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on (${message})`;
      reject(new Error(`${env} ${port} ${why}; set another port, or free this one`));
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    drain: () => {
      isDraining = true;
    },
    close: async (longestMs) =>
      new Promise((resolve) => {
        isDraining = true;
        const idle = setInterval(closeIdle, idleMs);
        const late = setTimeout(() => server.closeAllConnections(), longestMs);
        // http.Server.close would reset connections whose request has been sent and not yet been read.
        NetServer.prototype.close.call(server, () => {
          clearInterval(idle);
          clearTimeout(late);
          resolve();
        });
      }),
  };
};
