/** An HTTP relay in front of the API server that counts requests and lets a test refuse, hold or change them. */
import http from 'node:http';
import https from 'node:https';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import type { ApiServer } from './api-server.ts';

export type Relayed = {
  readonly method: string;
  readonly path: string;
  readonly isWatch: boolean;
  /** When it came, by a clock that never jumps. */
  readonly atMs: number;
};

export class ApiRelay {
  readonly requests: Relayed[] = [];
  /** True: answered with 403 as the API server would. */
  refuses: (request: Relayed) => boolean = () => false;
  /** True: answered with 410, as a watch is whose version the API server no longer has. */
  expires: (request: Relayed) => boolean = () => false;
  /** Milliseconds that a request waits before it goes on. */
  delayMs: (request: Relayed) => number = () => 0;
  /** True: it goes on as soon as this says no more so. */
  holds: (request: Relayed) => boolean = () => false;
  /** Connections that were refused while the API server was away. */
  attempts = 0;
  #isAway = false;
  readonly #target: ApiServer;
  readonly #agent: https.Agent;
  readonly #server = http.createServer((request, response) => void this.#relay(request, response));

  constructor(target: ApiServer) {
    this.#target = target;
    this.#agent = new https.Agent({ keepAlive: true, ca: readFileSync(target.caFile) });
    this.#server.on('connection', (socket) => {
      if (!this.#isAway) return;
      this.attempts += 1;
      socket.destroy();
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#agent.destroy();
  }

  /** Breaks every connection, and each that is tried from now on. */
  goAway(): void {
    this.#isAway = true;
    this.#server.closeAllConnections();
  }

  comeBack(): void {
    this.#isAway = false;
  }

  /** The way through the relay; without a token the relay's own. */
  kubeConfig(token = this.#target.token): KubeConfig {
    const config = new KubeConfig();
    const server = `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
    config.loadFromClusterAndUser({ name: 'relay', server, skipTLSVerify: true }, { name: 'admin', token });
    return config;
  }

  /** What changed something, the lease left out: it is renewed all the time. */
  get writes(): readonly Relayed[] {
    return this.requests.filter(({ method, path }) => method !== 'GET' && !path.includes('/leases'));
  }

  async #relay(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const relayed = { method: request.method ?? 'GET', path, isWatch: path.includes('watch=true'), atMs: performance.now() };
    this.requests.push(relayed);
    const waitMs = this.delayMs(relayed);
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    while (this.holds(relayed) && !response.closed) await new Promise((resolve) => setTimeout(resolve, 10));
    if (this.refuses(relayed)) {
      answerStatus(response, 403, 'Forbidden');
      return;
    }
    if (this.expires(relayed)) {
      answerStatus(response, 410, 'Expired');
      return;
    }
    const onward = https.request(this.#target.url + path, { method: relayed.method, headers: request.headers, agent: this.#agent });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }
}

const answerStatus = (response: http.ServerResponse, code: number, reason: string): void => {
  const body = { kind: 'Status', code, reason, message: `${reason.toLowerCase()} by the test` };
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
