/**
 * A gateway pod without DuckDB: a Pod object, and behind its address a report made from the configuration that the API server
 * really holds. It mounts what its kubelet would: the parts as they are when the pod's annotation changes.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { annotations, decodeBundle, mounted } from '@offloader/contract';
import type { CompiledDataset, DatasetReport, LoadedConfig, Report } from '@offloader/contract';
import { PodObject } from './pod-object.ts';
import type { PodOptions } from './pod-object.ts';

export type FakeGatewayOptions = PodOptions & {
  /** 0 takes a free one. */
  readonly port: number;
  readonly adminToken: string;
};

export class FakeGateway {
  readonly name: string;
  readonly userAgents = new Set<string>();
  /** Snapshots that this replica has, newest first. */
  snapshots: string[] = ['s1'];
  /** What differs from a healthy row, by dataset. */
  readonly rows = new Map<string, Partial<DatasetReport>>();
  keys: Report['keys'] = [];
  /** True: the kubelet does not refresh the mount. */
  frozen = false;
  /** Answers come after this. */
  held: Promise<unknown> | undefined;
  /** True: requests hang up. */
  unreachable = false;
  loaded: LoadedConfig | undefined;
  error: string | null = null;
  port = 0;
  #nudge: string | undefined;
  readonly #options: FakeGatewayOptions;
  readonly #pod: PodObject;
  readonly #server = http.createServer((request, response) => {
    // Whoever cannot ask the API server for its own pod hangs up, and is asked again.
    this.#answer(request, response).catch(() => request.socket.destroy());
  });

  constructor(options: FakeGatewayOptions) {
    this.#options = options;
    this.#pod = new PodObject(options);
    this.name = options.name;
  }

  /** What differs from a healthy volume. */
  volume: Report['cache_volume'] = { status: 'ok', reason: null, since: null };

  async start(): Promise<this> {
    const { ip, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, ip, resolve);
    });
    this.port = (this.#server.address() as AddressInfo).port;
    await this.appear();
    return this;
  }

  /** With a new Pod, at the start and when the one before was taken away. */
  async appear(): Promise<void> {
    await this.#pod.create();
    await this.showReady(true);
    await this.#mount();
  }

  /** What a kubelet would say of the pod. */
  async showReady(isReady: boolean): Promise<void> {
    await this.#pod.showReady(isReady);
  }

  /** The kubelet's own sync: the mount as it is now, nudged or not. */
  async sync(): Promise<void> {
    await this.#mount();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get sequence(): number {
    return this.loaded?.sequence ?? 0;
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (this.unreachable) {
      request.socket.destroy();
      return;
    }
    this.userAgents.add(request.headers['user-agent'] ?? '');
    if (request.headers.authorization !== `Bearer ${this.#options.adminToken}`) {
      response.writeHead(401).end();
      return;
    }
    const pod = await this.#pod.read();
    // Without its pod nothing answers under its address.
    if (pod === undefined) {
      request.socket.destroy();
      return;
    }
    const nudge = pod.metadata.annotations?.[annotations.configRevision] as string | undefined;
    if (nudge !== this.#nudge && !this.frozen) {
      this.#nudge = nudge;
      await this.#mount();
    }
    await this.held;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.#report()));
  }

  /** Reads every part and takes the set over only when it decodes. */
  async #mount(): Promise<void> {
    const files = await this.#pod.mount();
    const index = files.get(mounted.index);
    if (index === undefined) return;
    const decoded = decodeBundle(JSON.parse(Buffer.from(index).toString('utf8')), (file) => files.get(file));
    this.error = decoded.ok ? null : decoded.error;
    if (decoded.ok) this.loaded = decoded.value;
  }

  #report(): Report {
    const bundle = this.loaded?.bundle;
    return {
      build_version: 'test',
      pod: this.name,
      config_revision: bundle?.revision ?? null,
      duckdb_status: 'ok',
      pool: { connections: 1, busy: 0, saturated: false, remote_cap: 1 },
      disk: { cache_dir_free_bytes: null },
      cache_volume: this.volume,
      ready: true,
      config_sync: {
        enabled: true,
        result: this.error === null ? 'applied' : 'error',
        error: this.error,
        last_checked: null,
        last_applied: null,
        revision: bundle?.revision ?? null,
        sequence: this.sequence,
      },
      datasets: (bundle?.datasets ?? []).map((dataset) => ({ ...this.#row(dataset), ...this.rows.get(dataset.name) })),
      keys: this.keys,
      incidents: [],
    };
  }

  #row(dataset: CompiledDataset): DatasetReport {
    const { pin, blocked } = dataset.snapshot;
    const [newest] = this.snapshots.filter((id) => !blocked.includes(id));
    const refused = pin !== null && !this.snapshots.includes(pin) ? `snapshot ${pin} cannot be had` : null;
    const active = pin !== null && refused === null ? pin : newest;
    return {
      dataset: dataset.name,
      source: 'manifest',
      active_snapshot:
        active === undefined
          ? null
          : {
              snapshot_id: active,
              watermark: '2026-05-30T00:00:00Z',
              age_seconds: 1,
              rows: 7,
              loaded_at: '2026-05-30T01:00:00Z',
              quality: 'passed',
            },
      staged: null,
      last_attempted: { snapshot_id: active ?? null, status: 'ok', at: '2026-05-30T01:00:00Z', note: null },
      last_good: null,
      kept: this.snapshots.filter((id) => id !== active),
      quarantined: blocked.map((id) => ({ snapshot_id: id, at: '2026-05-30T01:00:00Z', reason: 'blocked' })),
      refresh_error: null,
      refresh_errors: [],
      rebuilt: dataset.rebuildToken,
      refreshed: dataset.refreshToken,
      rollback_refused: refused,
      source_reachable: true,
      manifest_valid: true,
      stale: false,
      cache_healthy: true,
      layout: dataset.layout,
    };
  }
}
