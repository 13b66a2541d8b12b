/** Reads, every few seconds, what must not grow, and keeps it a JSON line each. */
import { appendFile } from 'node:fs/promises';
import type { GatewayPod } from '../part-types.ts';
import { pathOf } from '../population.ts';
import type { Objects } from './objects.ts';
import type { Named, Operators } from './operators.ts';
import { type Figures, folderFigures, processFigures } from './process-figures.ts';
import type { Replicas } from './replicas.ts';
import type { Sample } from './verdict.ts';

export type SampledOn = { readonly operators: Operators; readonly replicas: Replicas; readonly objects: Objects; readonly file: string };

/** The sum over the series of a name. */
const valueOf = (page: string, name: string): number =>
  page
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);

const pageFigures = (page: string, names: Readonly<Record<string, string>>): Figures => ({
  series: page.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
  ...Object.fromEntries(Object.entries(names).map(([figure, name]) => [figure, valueOf(page, name)])),
});

const ofNode = { heapBytes: 'nodejs_heap_size_used_bytes', externalBytes: 'nodejs_external_memory_bytes', resources: 'nodejs_active_resources_total' }; // prettier-ignore
const ofGateway = { ...ofNode, answersBytes: 'offloader_cache_bytes', answers: 'offloader_cache_entries', busy: 'offloader_pool_busy' };
const ofOperator = {
  ...ofNode,
  found: 'offloader_operator_watch_lost_events_total',
  watchEnds: 'offloader_operator_watch_ends_total',
  queued: 'offloader_operator_workqueue_depth',
  watched: 'offloader_operator_watch_objects',
  leads: 'offloader_operator_leader',
};

const pageOf = async (url: string): Promise<string> => fetch(`${url}/metrics`).then(async (answer) => answer.text());

const gatewayFigures = async (pod: GatewayPod): Promise<Figures> => ({
  ...(await processFigures(pod.pid)),
  ...(await folderFigures(pod.cacheDir)),
  ...pageFigures(await pageOf(pod.adminUrl), ofGateway),
});

const operatorFigures = async ({ process }: Named): Promise<Figures> => ({
  ...(await processFigures(process.child.pid ?? 0)),
  ...pageFigures(await pageOf(`http://127.0.0.1:${process.port}`), ofOperator),
});

type List = { readonly items: readonly unknown[] };
const listFigures = async ({ client }: Objects, figure: string, path: string): Promise<Figures> => {
  const { items } = (await client.request({ method: 'GET', path })) as List;
  return { [figure]: items.length, [`${figure}Bytes`]: Buffer.byteLength(JSON.stringify(items)) };
};

const namespaceFigures = async (objects: Objects): Promise<Figures> =>
  Object.assign(
    {},
    ...(await Promise.all([
      ...['configmaps', 'secrets', 'events'].map(async (plural) => listFigures(objects, plural, objects.core(plural))),
      listFigures(objects, 'statuses', pathOf(objects.namespace, 'Dataset')),
    ])),
  ) as Figures;

export class Sampling {
  readonly samples: Sample[] = [];
  readonly #on: SampledOn;
  readonly #startedMs = performance.now();

  constructor(on: SampledOn) {
    this.#on = on;
  }

  /** One look at everything. */
  async take(): Promise<void> {
    const { operators, replicas, objects, file } = this.#on;
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000);
    // Side by side, so that all are of the same moment; what begins or ends just now has no figures.
    const looks = [
      ...replicas.serving.map((pod) => ({ kind: 'gateway', name: pod.name, life: pod.pid, figures: gatewayFigures(pod) }) as const),
      ...operators.all.map(
        (one) => ({ kind: 'operator', name: one.name, life: one.process.child.pid ?? 0, figures: operatorFigures(one) }) as const,
      ),
      { kind: 'namespace', name: 'objects', life: 0, figures: namespaceFigures(objects) } as const,
    ];
    const taken = await Promise.all(
      looks.map(async ({ figures, ...subject }) => ({ seconds, ...subject, values: await figures.catch((): Figures => ({})) })),
    ).then((samples) => samples.filter(({ values }) => Object.keys(values).length > 0));
    this.samples.push(...taken);
    await appendFile(file, taken.map((sample) => `${JSON.stringify(sample)}\n`).join(''));
  }
}
