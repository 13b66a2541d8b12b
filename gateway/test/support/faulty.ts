// A way to a server that can be made bad: connections that break, stand still, crawl or are refused. On loopback, for one test.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What happens to one connection; nothing when it is empty. */
export type Fault = {
  /** It breaks after this many bytes of answers. */
  readonly cutAfter?: number;
  /** Nothing more comes after this many bytes of answers, and the connection stays open. */
  readonly silentAfter?: number;
  /** Then it stands still until this, and breaks. */
  readonly cutWhen?: Promise<unknown>;
  /** Pause before each piece of an answer. */
  readonly delayMs?: number;
  readonly refused?: boolean;
};
export type Faulty = {
  readonly url: string;
  /** The fault of the nth connection, from 0. */
  fault: (connection: number) => Fault;
  connections: number;
  /** How many connections have come to stand still. */
  stalled: number;
  end(): Promise<void>;
};

const forward = async (
  from: Socket,
  to: Socket,
  { cutAfter, silentAfter, cutWhen, delayMs = 0 }: Fault,
  onStall: () => void,
): Promise<void> => {
  let passed = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (delayMs > 0) await pause(delayMs);
    const most = Math.min(cutAfter ?? Number.POSITIVE_INFINITY, silentAfter ?? Number.POSITIVE_INFINITY) - passed;
    to.write(chunk.subarray(0, Math.max(0, Math.min(chunk.length, most))));
    passed += Math.min(chunk.length, most);
    if (cutAfter !== undefined && passed >= cutAfter) {
      // What was passed on arrives before the end does.
      to.end();
      return void from.destroy();
    }
    if (silentAfter === undefined || passed < silentAfter) continue;
    onStall();
    await Promise.race([once(to, 'close'), ...(cutWhen === undefined ? [] : [cutWhen])]);
    to.destroy();
    return void from.destroy();
  }
  to.end();
};

/** A bad way to what listens at `url`. */
export const startFaulty = async (url: string): Promise<Faulty> => {
  const { port, protocol } = new URL(url);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket)));
    return socket;
  };
  const faulty = { connections: 0, stalled: 0, fault: (_connection: number): Fault => ({}) };
  const server = createServer((incoming) => {
    const fault = faulty.fault(faulty.connections++);
    keep(incoming);
    if (fault.refused === true) return void incoming.resetAndDestroy();
    const onward = keep(connect(Number(port), '127.0.0.1'));
    incoming.pipe(onward);
    incoming.on('close', () => onward.destroy());
    return void forward(onward, incoming, fault, () => (faulty.stalled += 1)).catch(() => incoming.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(faulty, {
    url: `${protocol}//localhost:${(server.address() as AddressInfo).port}`,
    end: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
};
