/** The operator process: environment, signals, exit codes. */
import { hostname } from 'node:os';
import { KubeConfig } from '@kubernetes/client-node';
import { crashText } from '@offloader/contract';
import { createLog } from './observe/log.ts';
import { startOperator } from './operator.ts';
import { parseSettings } from './settings.ts';

process.on('uncaughtException', (error) => {
  process.stderr.write(`${crashText(error)}\n`);
  process.exit(1);
});
const settings = parseSettings(process.env, hostname());
if (!settings.ok) {
  for (const problem of settings.error) process.stderr.write(`${problem}\n`);
  process.exit(1);
}

const kubeConfig = new KubeConfig();
try {
  // In the cluster the service account; elsewhere, for development, what kubectl would use.
  kubeConfig.loadFromDefault();
} catch (error) {
  process.stderr.write(`the Kubernetes configuration (KUBECONFIG or the service account) cannot be used: ${String(error)}\n`);
  process.exit(1);
}

const lastWordsMs = 100;

const operator = await startOperator({
  settings: settings.value,
  kubeConfig,
  observe: createLog(settings.value.logLevel),
  lost: () => {
    // It may write nothing more; the moment is for the log line that says why it ends.
    setTimeout(() => process.exit(1), lastWordsMs);
  },
});

/** The kubelet kills after 30 s; a stop that hangs must not take that long. */
const stopWithinMs = 10_000;

const stop = (): void => {
  setTimeout(() => process.exit(1), stopWithinMs).unref();
  void operator.stop().then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
