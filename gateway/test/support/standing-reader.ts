// A client that asks for a long answer and stands still once it has begun: whoever serves it holds a connection of the pool.
import { connect } from 'node:net';

export type StandingReader = {
  /** Goes away. */
  leave(): void;
  /** Reads on to the end. */
  readOn(): Promise<void>;
};

/** Asks for the path and waits for the first bytes, but for no more. */
export const standingReader = async (port: number, path: string, token: string): Promise<StandingReader> => {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await new Promise((resolve) => socket.once('readable', resolve));
  return {
    leave: () => socket.destroy(),
    readOn: async () =>
      new Promise((resolve) => {
        socket.once('end', () => {
          socket.destroy();
          resolve();
        });
        socket.resume();
      }),
  };
};
