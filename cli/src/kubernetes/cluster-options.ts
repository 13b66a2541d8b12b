/** The options by which `kubectl offloader` finds a release. */
import type { KubeConfig } from '@kubernetes/client-node';
import type { Command } from 'commander';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import { openApi } from './api.ts';
import { openCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';

export type ClusterOptions = {
  readonly namespace?: string;
  readonly release: string;
  readonly context?: string;
  readonly kubeconfig?: string;
};

/** Adds them to a command. */
export const withCluster = (command: Command): Command =>
  command
    .option('-n, --namespace <name>', "default: the context's")
    .option('--release <name>', 'the Helm release', 'offloader')
    .option('--context <name>', 'a context of the kubeconfig')
    .option('--kubeconfig <file>', 'default: KUBECONFIG or ~/.kube/config');

/** The release that the options name, and the configuration to reach its API server with. */
export const connect = async (options: ClusterOptions): Promise<Result<Cluster, string>> => {
  const config = await loadConfig(options);
  if (!config.ok) return config;
  const api = openApi(config.value);
  if (!api.ok) return api;
  const current = config.value.getContextObject(config.value.getCurrentContext());
  return ok(openCluster(api.value, { namespace: options.namespace ?? current?.namespace ?? 'default', release: options.release }));
};

/** The kubeconfig, with the wanted context as its current one. */
export const loadConfig = async ({ kubeconfig, context }: ClusterOptions): Promise<Result<KubeConfig, string>> => {
  const client = await import('@kubernetes/client-node');
  const config = new client.KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch {
    return err('the kubeconfig cannot be read');
  }
  if (context === undefined) return ok(config);
  if (config.getContextObject(context) === null) return err(`the kubeconfig has no context ${context}`);
  config.setCurrentContext(context);
  return ok(config);
};
