/**
 * Requests to the API server. KubeConfig finds the server and renews credentials; the requests themselves are plain, because
 * every one needs a deadline of its own, a patch needs its content type said, and a watch must not share a connection.
 */
import http from 'node:http';
import https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { ApiError, parseApiError } from './api-error.ts';

export type ApiRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Longer than usual for what takes long. */
  readonly timeoutMs?: number;
};

export type StreamRequest = {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
  /** Broken off when nothing at all arrives for this long. */
  readonly inactivityMs: number;
  readonly signal: AbortSignal;
};

export interface ApiClient {
  /** The parsed answer; rejects with ApiError for an answer other than 2xx, and with the transport's error otherwise. */
  request(request: ApiRequest): Promise<unknown>;
  /** Calls back per line; resolves when the server ends the answer. */
  stream(request: StreamRequest): Promise<void>;
  close(): void;
}

/** Long enough for a loaded server, short enough that a lost connection does not cost a lease. */
const requestTimeoutMs = 10_000;

type Connection = Pick<https.RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername' | 'headers' | 'auth'>;

export type ApiClientOptions = {
  readonly config: KubeConfig;
  /** Asked before every write; throws when this process may not write. */
  readonly guard: () => void;
  readonly userAgent: string;
  readonly timeoutMs?: number;
  /** Told of every request that has ended; `status` is 0 when there was no answer. */
  readonly ended?: (request: { readonly method: string; readonly status: number; readonly tookMs: number }) => void;
};

/** A client for the configuration's current context. */
export const createApiClient = ({ config, guard, userAgent, timeoutMs, ended }: ApiClientOptions): ApiClient => {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('the Kubernetes configuration names no cluster');
  const base = new URL(server);
  const transport = base.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true, keepAliveMsecs: 15_000, maxSockets: 16 });

  const options = async (path: string, query: Readonly<Record<string, string>>): Promise<https.RequestOptions> => {
    const found: https.RequestOptions = {};
    await config.applyToHTTPSOptions(found);
    const { ca, cert, key, rejectUnauthorized, servername, headers, auth }: Connection = found;
    const search = new URLSearchParams(query).toString();
    return {
      protocol: base.protocol,
      hostname: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port,
      path: `${base.pathname.replace(/\/$/, '')}${path}${search === '' ? '' : `?${search}`}`,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      ...(servername === undefined ? {} : { servername }),
      ...(auth === undefined ? {} : { auth }),
      headers: { ...(headers as http.OutgoingHttpHeaders | undefined), accept: 'application/json', 'user-agent': userAgent },
    };
  };

  return {
    request: async (request) => {
      const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
      const settings = await options(request.path, request.query ?? {});
      // Not before the credentials are there: to have them renewed may take as long as a lease.
      if (request.method !== 'GET') guard();
      const headers = {
        ...(settings.headers as http.OutgoingHttpHeaders),
        ...(body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }),
      };
      const startedMs = performance.now();
      const tell = (status: number): void => ended?.({ method: request.method, status, tookMs: performance.now() - startedMs });
      const exchange = { ...settings, method: request.method, agent, headers, timeout: request.timeoutMs ?? timeoutMs ?? requestTimeoutMs };
      return once(transport, exchange, body, request.signal).then(
        (answer) => {
          tell(200);
          return answer;
        },
        (error: unknown) => {
          tell(error instanceof ApiError ? error.status : 0);
          throw error;
        },
      );
    },
    stream: async (request) => {
      const settings = await options(request.path, request.query);
      ended?.({ method: 'WATCH', status: 200, tookMs: 0 });
      await lines(transport, { ...settings, method: 'GET', agent: new transport.Agent({ keepAlive: false }) }, request);
    },
    close: () => {
      agent.destroy();
    },
  };
};

type Transport = typeof http | typeof https;

const once = (
  transport: Transport,
  options: https.RequestOptions,
  body: Buffer | undefined,
  signal: AbortSignal | undefined,
): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const request = transport.request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('close', () => {
        clearTimeout(deadline);
        if (!response.complete) reject(new Error('the answer of the API server broke off'));
      });
      response.on('end', () => {
        settle(response, Buffer.concat(chunks).toString('utf8'), resolve, reject);
      });
    });
    // The socket's own timeout counts only silence; this bounds the whole exchange.
    const deadline = setTimeout(() => request.destroy(new Error('the API server did not answer in time')), options.timeout);
    const abort = (): void => {
      request.destroy(new Error('the request was given up'));
    };
    signal?.addEventListener('abort', abort, { once: true });
    request.on('timeout', () => request.destroy(new Error('the API server did not answer in time')));
    request.on('error', reject);
    request.on('close', () => {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', abort);
    });
    if (signal?.aborted === true) abort();
    request.end(body);
  });

const settle = (
  response: http.IncomingMessage,
  text: string,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void => {
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) {
    reject(parseApiError(status, text, response.headers['retry-after']));
    return;
  }
  try {
    resolve(text === '' ? undefined : JSON.parse(text));
  } catch {
    reject(new ApiError(status, 'InvalidAnswer', 'the API server answered with something other than JSON', undefined));
  }
};

const lines = (transport: Transport, options: https.RequestOptions, stream: StreamRequest): Promise<void> =>
  new Promise((resolve, reject) => {
    let rest = '';
    let failure = '';
    const request = transport.request({ ...options, timeout: stream.inactivityMs }, (response) => {
      const status = response.statusCode ?? 0;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        if (status !== 200) {
          failure += text;
          return;
        }
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        try {
          for (const part of parts) if (part !== '') stream.onLine(part);
        } catch (error) {
          // Thrown out of here it would end the process; a line that cannot be taken breaks the watch, and a list follows.
          request.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      });
      response.on('error', reject);
      response.on('close', () => {
        if (status !== 200) reject(parseApiError(status, failure, response.headers['retry-after']));
        else if (response.complete) resolve();
        else reject(new Error('the watch broke off'));
      });
    });
    const abort = (): void => {
      request.destroy(new Error('the watch was given up'));
    };
    stream.signal.addEventListener('abort', abort, { once: true });
    request.on('timeout', () => request.destroy(new Error('the watch went silent')));
    request.on('error', reject);
    request.on('close', () => {
      stream.signal.removeEventListener('abort', abort);
    });
    if (stream.signal.aborted) abort();
    request.end();
  });
