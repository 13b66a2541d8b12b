/** Reaches a pod's port through the API server, as kubectl port-forward does, for as long as a piece of work takes. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { KubeConfig } from '@kubernetes/client-node';

export type PodPort = { readonly namespace: string; readonly pod: string; readonly port: number };

/** Lends a local URL whose connections end at the pod's port; `refusal` tells why the API server opened none, if it did not. */
export const withForward = async <T>(
  config: KubeConfig,
  to: PodPort,
  work: (url: string, refusal: () => string | null) => Promise<T>,
): Promise<T> => {
  const { PortForward } = await import('@kubernetes/client-node');
  const forward = new PortForward(config);
  let refused: string | null = null;
  const server = createServer((socket) => {
    // A pod that is gone or a refused upgrade ends this connection, which the caller sees as no answer.
    forward.portForward(to.namespace, to.pod, [to.port], socket, null, socket).catch((error: unknown) => {
      refused = String((error as { message?: unknown }).message ?? 'no connection');
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => refused);
  } finally {
    server.close();
  }
};
