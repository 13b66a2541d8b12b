/** Reaches a pod's port through the API server, as kubectl port-forward does, for as long as a piece of work takes. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { KubeConfig } from '@kubernetes/client-node';

export type PodPort = { readonly namespace: string; readonly pod: string; readonly port: number };

/** The client's types name a WebSocket of a package that it does not bring; what it gives is one, or a function for the latest one. */
const close = (opened: unknown): void => {
  const socket = (typeof opened === 'function' ? (opened as () => unknown)() : opened) as { close?: () => void } | null | undefined;
  socket?.close?.();
};

/** Lends a local URL whose connections end at the pod's port; `refusal` tells why the API server opened none, if it did not. */
export const withForward = async <T>(
  config: KubeConfig,
  to: PodPort,
  work: (url: string, refusal: () => string | null) => Promise<T>,
): Promise<T> => {
  const { PortForward } = await import('@kubernetes/client-node');
  const forward = new PortForward(config);
  let refused: string | null = null;
  let isOver = false;
  const endings = new Set<() => void>();
  const atTheEnd = (end: () => void): unknown => (isOver ? end() : endings.add(end));
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    atTheEnd(() => socket.destroy());
    forward.portForward(to.namespace, to.pod, [to.port], socket, null, socket).then(
      (opened: unknown) => atTheEnd(() => close(opened)),
      // A pod that is gone or a refused upgrade ends this connection, which the caller sees as no answer.
      (error: unknown) => {
        const { message } = error as { message?: unknown };
        refused = typeof message === 'string' ? message : 'no connection';
        socket.destroy();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => refused);
  } finally {
    isOver = true;
    server.close();
    // Kept alive by both ends for the next request, they would hold the process for longer than the person at it has.
    for (const end of endings) end();
  }
};
