/** Requests to the API server of a kubeconfig. Every one ends within five seconds. */
import http from 'node:http';
import https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import { callTimeoutMs } from '../admin-client.ts';

export type ApiCall = {
  readonly method?: 'GET' | 'PATCH';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A JSON merge patch. */
  readonly patch?: unknown;
};
export type ApiProblem = { readonly status: number; readonly message: string };

export interface Api {
  /** The body as text. */
  text(call: ApiCall): Promise<Result<string, ApiProblem>>;
  /** The body as JSON, not looked at further. */
  json(call: ApiCall): Promise<Result<unknown, ApiProblem>>;
}

/** The API server that the kubeconfig's current context names. */
export const openApi = (config: KubeConfig): Result<Api, string> => {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) return err('the kubeconfig names no cluster; see kubectl config current-context');
  const text = (call: ApiCall): Promise<Result<string, ApiProblem>> => send(config, new URL(server), call);
  return ok({
    text,
    json: async (call) => {
      const answer = await text(call);
      if (!answer.ok) return answer;
      try {
        return ok(JSON.parse(answer.value) as unknown);
      } catch {
        return err({ status: 0, message: 'the answer is not JSON' });
      }
    },
  });
};

const send = async (config: KubeConfig, server: URL, call: ApiCall): Promise<Result<string, ApiProblem>> => {
  const options: https.RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const body = call.patch === undefined ? undefined : Buffer.from(JSON.stringify(call.patch));
  const query = new URLSearchParams(call.query).toString();
  const headers: http.OutgoingHttpHeaders = {
    ...(options.headers as http.OutgoingHttpHeaders | undefined),
    accept: 'application/json, */*',
    'user-agent': 'kubectl-offloader',
    ...(body === undefined ? {} : { 'content-type': 'application/merge-patch+json', 'content-length': body.length }),
  };
  const transport = server.protocol === 'https:' ? https : http;
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      resolve(err({ status: 0, message: error.name === 'TimeoutError' ? 'no answer within 5 s' : (error.code ?? 'no answer') }));
    };
    const request = transport.request(
      {
        ...options,
        protocol: server.protocol,
        hostname: server.hostname.replace(/^\[|\]$/g, ''),
        port: server.port,
        path: `${server.pathname.replace(/\/$/, '')}${call.path}${query === '' ? '' : `?${query}`}`,
        method: call.method ?? 'GET',
        headers,
        signal: AbortSignal.timeout(callTimeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => resolve(judge(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'))));
      },
    );
    request.on('error', fail);
    request.end(body);
  });
};

const judge = (status: number, text: string): Result<string, ApiProblem> =>
  status >= 200 && status < 300 ? ok(text) : err({ status, message: messageOf(status, text) });

const messageOf = (status: number, text: string): string => {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? `status ${status}`;
  } catch {
    return `status ${status}`;
  }
};
