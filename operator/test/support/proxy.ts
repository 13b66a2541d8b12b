/** A TCP relay in front of a server that can be cut or made to swallow everything. */
import net from 'node:net';
import type { AddressInfo } from 'node:net';

export class Proxy {
  #mode: 'open' | 'closed' | 'silent' = 'open';
  readonly #sockets = new Set<net.Socket>();
  #target: number;
  readonly #server: net.Server;

  constructor(target: number) {
    this.#target = target;
    this.#server = net.createServer((socket) => this.#relay(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Listens at a free port, unless one is named. */
  async start(ip = '127.0.0.1', port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => this.#server.once('error', reject).listen(port, ip, resolve));
    return this;
  }

  /** Breaks every connection and refuses new ones. */
  cut(): void {
    this.#mode = 'closed';
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes bytes and passes none on, and no end either; connections stay open, and stay dead when it is over. */
  swallow(): void {
    this.#mode = 'silent';
  }

  /** Passes on again, to where it leads from now on if that is said. */
  restore(target = this.#target): void {
    this.#target = target;
    this.#mode = 'open';
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #relay(socket: net.Socket): void {
    if (this.#mode === 'closed') {
      socket.destroy();
      return;
    }
    const upstream = net.connect(this.#target, '127.0.0.1');
    const pass = (from: net.Socket, to: net.Socket): void => {
      this.#sockets.add(from);
      // A swallowed connection stays dead: its bytes are gone.
      let dead = false;
      from.on('data', (chunk) => {
        dead ||= this.#mode === 'silent';
        if (!dead) to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        // Nor is the other side told of an end.
        dead ||= this.#mode === 'silent';
        if (!dead) to.destroy();
      });
    };
    pass(socket, upstream);
    pass(upstream, socket);
  }
}
