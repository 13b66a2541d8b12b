/** The operator's own HTTP port: /healthz, /readyz and /metrics. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './observe/metrics.ts';

export type Health = {
  /** False when only a restart helps. */
  readonly alive: () => boolean;
  readonly ready: () => boolean;
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
};

export type HealthServer = { readonly port: number; readonly close: () => Promise<void> };

/** Listens; port 0 takes a free one. */
export const startHealth = async (port: number, health: Health): Promise<HealthServer> => {
  const server = http.createServer((request, response) => {
    void answer(request.url ?? '', health).then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' });
      response.end(body);
    });
  });
  server.requestTimeout = 5000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
};

type Answer = { readonly status: number; readonly type: string; readonly body: string };

const answer = async (url: string, health: Health): Promise<Answer> => {
  const [path] = url.split('?');
  if (path === '/healthz') return verdict(health.alive());
  if (path === '/readyz') return verdict(health.ready());
  if (path === '/metrics') return { status: 200, type: health.metrics.contentType, body: await health.metrics.render() };
  return { status: 404, type: 'application/json', body: '{"status":"not_found"}' };
};

const verdict = (good: boolean): Answer => ({
  status: good ? 200 : 503,
  type: 'application/json',
  body: `{"status":"${good ? 'ok' : 'not_ready'}"}`,
});
