import { describe, expect, test } from '@jest/globals';
import type { DatasetReport, RefreshError, Verdict } from '@offloader/contract';
import { active, compiledDataset, compiledEndpoint, compiledKey, pod, row } from '../../test/support/facts.ts';
import { apiKeyStatus } from './api-key-status.ts';
import type { TokenStanding } from './api-key-status.ts';
import { findCondition } from './conditions.ts';
import { datasetConditions } from './dataset-conditions.ts';
import { datasetOutcome } from './dataset-outcome.ts';
import { coarseAge, datasetStatus } from './dataset-status.ts';
import { endpointStatus } from './endpoint-status.ts';
import type { PodState } from './pod-state.ts';
import type { StatusFacts } from './status-facts.ts';

const verdict = (kind: Verdict['kind'], problems: Verdict['problems'] = []): Verdict => ({
  kind,
  name: 'visits',
  problems,
  serving: problems.length === 0 ? 'current' : 'last_good',
});
const place = { form: 'f', sequence: 5, revision: 'r5', restored: false };
const nowMs = Date.parse('2026-06-01T12:00:00Z');
const facts = (kind: Verdict['kind'], pods: readonly PodState[], overrides: Partial<StatusFacts> = {}): StatusFacts => ({
  object: { metadata: { name: kind === 'Dataset' ? 'visits' : 'daily', generation: 3 } },
  verdict: verdict(kind),
  place,
  pods,
  now: '2026-06-01T12:00:00Z',
  nowMs,
  ...overrides,
});
const error = (code: RefreshError['code'], owner: RefreshError['owner']): RefreshError => ({
  code,
  path: 'files[0].path',
  message: 'no such file',
  owner,
});
const both = (...rows: DatasetReport[]) => [pod('g-0', 5, rows), pod('g-1', 5, rows)];

describe('where a dataset stands', () => {
  const pinned = compiledDataset({ snapshot: { ...compiledDataset().snapshot, pin: 's0' } });
  test.each<[string, readonly PodState[], ReturnType<typeof compiledDataset>, string, readonly string[]]>([
    ['served by all', both(row()), compiledDataset(), 'settled Live', []],
    ['no gateway at all', [], compiledDataset(), 'waiting NoGateways', []],
    ['one has an older configuration', [pod('g-0', 5), pod('g-1', 4)], compiledDataset(), 'waiting RollingOut', ['g-1']],
    ['one cannot be reached', [pod('g-0', 5), pod('g-1')], compiledDataset(), 'waiting GatewayUnreachable', ['g-1']],
    ['loading its first snapshot', both(row({ active_snapshot: null })), compiledDataset(), 'waiting Loading', ['g-0', 'g-1']],
    [
      'its first snapshot was refused',
      both(row({ active_snapshot: null, refresh_error: error('missing_file', 'UpstreamData') })),
      compiledDataset(),
      'waiting MissingFile',
      ['g-0', 'g-1'],
    ],
    [
      'a later snapshot was refused: what serves keeps serving',
      both(row({ refresh_error: error('missing_file', 'UpstreamData') })),
      compiledDataset(),
      'settled Live',
      [],
    ],
    [
      'another schema is being built',
      [pod('g-0', 5), pod('g-1', 5, [row({ layout: 'layout-0' })])],
      compiledDataset(),
      'waiting CutoverPending',
      ['g-1'],
    ],
    ['a pin that is not obeyed yet', both(row()), pinned, 'waiting RollingBack', ['g-0', 'g-1']],
    ['a pin that is obeyed', both(row({ active_snapshot: active('s0') })), pinned, 'settled Live', []],
    [
      'a pin that cannot be had',
      both(row({ rollback_refused: 'snapshot s0 is not kept' })),
      pinned,
      'stalled RollbackRefused',
      ['g-0', 'g-1'],
    ],
    [
      'a blocked snapshot that still serves',
      both(row()),
      compiledDataset({ snapshot: { ...pinned.snapshot, pin: null, blocked: ['s1'] } }),
      'waiting RollingBack',
      ['g-0', 'g-1'],
    ],
    [
      'a source with nothing to load',
      both(
        row({ active_snapshot: null, last_attempted: { snapshot_id: null, status: 'unchanged', at: 'now', note: 'nothing is committed' } }),
      ),
      compiledDataset(),
      'waiting NothingToLoad',
      ['g-0', 'g-1'],
    ],
    ['suspended and serving', both(row()), compiledDataset({ suspend: true }), 'settled Suspended', []],
    [
      'suspended with nothing to serve',
      both(row({ active_snapshot: null })),
      compiledDataset({ suspend: true }),
      'waiting Suspended',
      ['g-0', 'g-1'],
    ],
    [
      'a snapshot with a quality warning',
      both(row({ active_snapshot: active('s1', 'warning') })),
      compiledDataset(),
      'settled QualityWarning',
      [],
    ],
  ])('%s', (_sentence, pods, compiled, expected, behind) => {
    const decided = datasetOutcome({ verdict: verdict('Dataset'), place, pods, compiled });
    expect(`${decided.outcome.kind} ${decided.outcome.reason}`).toBe(expected);
    expect(decided.behind).toEqual(behind);
  });

  test('an invalid one is stalled with every finding, and counts no gateway for this generation', () => {
    const problems = [
      { code: 'unknown_column', path: 'spec.tenantColumn', message: 'no column tenant_id', hint: 'add it to spec.schema' },
      { code: 'missing', path: 'spec.schema', message: 'is required' },
    ] as const;
    const status = datasetStatus(facts('Dataset', both(row()), { verdict: verdict('Dataset', problems) }), compiledDataset());
    expect(findCondition(status.conditions, 'Stalled')?.message).toBe(
      'spec.tenantColumn: no column tenant_id [unknown_column] (add it to spec.schema); spec.schema: is required [missing]. The last good version keeps serving.',
    );
    expect(status.gateways).toMatchObject({ ready: 0, total: 2, behind: [], summary: '0/2' });
    expect(status.activeSnapshot?.id).toBe('s1');
  });
});

describe('the conditions of a dataset', () => {
  const shown = (rows: readonly DatasetReport[]) =>
    datasetConditions(rows).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  const rejected = error('incompatible_schema', 'UpstreamData');
  test.each<[string, readonly DatasetReport[], readonly string[]]>([
    [
      'all is well',
      [row()],
      ['SourceReachable=True Reachable', 'ManifestValid=True Valid', 'Fresh=True Fresh', 'CacheHealthy=True Healthy'],
    ],
    [
      'nobody reports',
      [],
      ['SourceReachable=Unknown Unknown', 'ManifestValid=Unknown Unknown', 'Fresh=Unknown Unknown', 'CacheHealthy=Unknown Unknown'],
    ],
    [
      'one replica cannot reach the source',
      [row(), row({ source_reachable: false, refresh_error: error('source_unreachable', 'Environment') })],
      ['SourceReachable=False EnvironmentSourceUnreachable', 'ManifestValid=True Valid', 'Fresh=True Fresh', 'CacheHealthy=True Healthy'],
    ],
    [
      'the manifest was rejected and the data is late for it',
      [row({ manifest_valid: false, stale: true, refresh_error: rejected, refresh_errors: [rejected] })],
      [
        'SourceReachable=True Reachable',
        'ManifestValid=False UpstreamDataIncompatibleSchema',
        'Fresh=False UpstreamDataStale',
        'CacheHealthy=True Healthy',
      ],
    ],
    [
      'the local copy is damaged',
      [row({ cache_healthy: false })],
      ['SourceReachable=True Reachable', 'ManifestValid=True Valid', 'Fresh=True Fresh', 'CacheHealthy=False OffloaderCacheDamaged'],
    ],
  ])('%s', (_sentence, rows, expected) => {
    expect(shown(rows)).toEqual(expected);
  });
});

test('a cache volume that a replica reports as failed makes the cache of every dataset unhealthy, with the replica and what to do', () => {
  const [first, second] = both(row());
  const broken = { ...second!.report!, cache_volume: { status: 'failed', reason: 'unwritable', since: '2026-06-01T00:00:00Z' } as const };
  const status = datasetStatus(facts('Dataset', [first!, { ...second!, report: broken }]), compiledDataset());
  expect(findCondition(status.conditions, 'CacheHealthy')).toMatchObject({
    status: 'False',
    reason: 'EnvironmentCacheVolumeUnwritable',
    message: `The cache volume of ${second!.name} is unwritable since 2026-06-01T00:00:00Z: kubectl offloader quarantine-volume ${second!.name} gives it another one.`,
  });
  expect(findCondition(status.conditions, 'Ready')?.status).toBe('True');
});

describe('what a status remembers and when it moves', () => {
  test('built twice from the same facts it is the same, and the time of a condition moves only with its status', () => {
    const first = datasetStatus(facts('Dataset', both(row())), compiledDataset());
    const object = { metadata: { name: 'visits', generation: 3 }, status: first };
    const later = { object, now: '2026-06-01T13:00:00Z', nowMs: nowMs + 1000 };
    expect(datasetStatus(facts('Dataset', both(row()), later), compiledDataset())).toEqual(first);
    const behind = datasetStatus(facts('Dataset', [pod('g-0', 5), pod('g-1', 4)], later), compiledDataset());
    expect(findCondition(behind.conditions, 'Ready')?.lastTransitionTime).toBe('2026-06-01T13:00:00Z');
    expect(findCondition(behind.conditions, 'Fresh')?.lastTransitionTime).toBe('2026-06-01T12:00:00Z');
  });

  test('polling an unchanged source does not move the last attempt each time, a different outcome does', () => {
    const first = datasetStatus(facts('Dataset', both(row())), compiledDataset());
    const object = { metadata: { name: 'visits', generation: 3 }, status: first };
    const attempt = (status: 'ok' | 'failed', at: string) => both(row({ last_attempted: { snapshot_id: 's1', status, at, note: null } }));
    const next = (pods: readonly PodState[]) => datasetStatus(facts('Dataset', pods, { object }), compiledDataset()).lastAttempt;
    expect(next(attempt('ok', '2026-05-30T01:05:00Z'))).toEqual(first.lastAttempt);
    expect(next(attempt('ok', '2026-05-30T01:15:00Z'))?.at).toBe('2026-05-30T01:15:00Z');
    expect(next(attempt('failed', '2026-05-30T01:01:00Z'))).toEqual({ id: 's1', status: 'failed', at: '2026-05-30T01:01:00Z' });
  });

  test('a quarantined snapshot keeps the time it went there', () => {
    const entry = (at: string) => both(row({ quarantined: [{ snapshot_id: 's2', at, reason: 'blocked' }] }));
    const status = datasetStatus(facts('Dataset', entry('2026-05-30T01:00:00Z')), compiledDataset());
    const object = { metadata: { name: 'visits', generation: 3 }, status };
    const later = datasetStatus(facts('Dataset', entry('2026-05-30T02:00:00Z'), { object }), compiledDataset());
    expect(later.quarantined).toEqual([{ id: 's2', at: '2026-05-30T01:00:00Z', reason: 'blocked' }]);
  });

  test('a token is echoed when every replica has acted on it, and stays when one restarts', () => {
    const compiled = compiledDataset({ rebuildToken: 'b1' });
    const done = row({ rebuilt: 'b1' });
    const half = datasetStatus(facts('Dataset', [pod('g-0', 5, [done]), pod('g-1', 5)]), compiled);
    expect(half).not.toHaveProperty('handledRebuild');
    expect(half.pending).toEqual({ rebuild: ['g-1'] });
    const status = datasetStatus(facts('Dataset', both(done)), compiled);
    expect(status.handledRebuild).toBe('b1');
    expect(status).not.toHaveProperty('pending');
    const object = { metadata: { name: 'visits', generation: 3 }, status };
    const restarting = datasetStatus(facts('Dataset', [pod('g-0', 5, [done]), pod('g-1')], { object }), compiled);
    expect(restarting.handledRebuild).toBe('b1');
    expect(restarting).not.toHaveProperty('pending');
  });

  test('after a restart the revision is the one that status remembers', () => {
    const object = { metadata: { name: 'daily', generation: 3 }, status: { gateways: { ready: 1, total: 1, revision: 'r2' } } };
    const restored = { ...place, restored: true };
    expect(endpointStatus(facts('Endpoint', both(row()), { object, place: restored }), compiledEndpoint()).gateways?.revision).toBe('r2');
    expect(endpointStatus(facts('Endpoint', both(row()), { object }), compiledEndpoint()).gateways?.revision).toBe('r5');
  });

  test.each([
    [0, '<1h'],
    [3_600_000, '1h'],
    [47 * 3_600_000, '47h'],
    [49 * 3_600_000, '2d'],
    [Number.NaN, 'unknown'],
  ])('an age of %d ms is shown as %s', (ageMs, shown) => {
    expect(coarseAge(ageMs)).toBe(shown);
  });
});

describe('where an endpoint stands', () => {
  test.each<[string, readonly PodState[], string]>([
    ['served by all', both(row()), 'True Live'],
    ['its dataset has no snapshot on one', [pod('g-0', 5), pod('g-1', 5, [row({ active_snapshot: null })])], 'False DatasetNotReady'],
    [
      'its dataset still serves the previous schema on one',
      [pod('g-0', 5), pod('g-1', 5, [row({ layout: 'layout-0' })])],
      'False CutoverPending',
    ],
    ['one has an older configuration', [pod('g-0', 5), pod('g-1', 4)], 'False RollingOut'],
  ])('%s', (_sentence, pods, expected) => {
    const status = endpointStatus(facts('Endpoint', pods), compiledEndpoint());
    const ready = findCondition(status.conditions, 'Ready');
    expect(`${String(ready?.status)} ${String(ready?.reason)}`).toBe(expected);
    expect(status.path).toBe('/v1/endpoints/daily');
  });
});

describe('where a key stands', () => {
  const token = (kind: TokenStanding['kind']): TokenStanding => ({ kind, secret: 'acme-token', handled: 'q4', why: 'too many Secrets' });
  test.each<[string, ReturnType<typeof compiledKey>, TokenStanding | null, string]>([
    ['active', compiledKey(), null, 'True Live'],
    ['revoked everywhere', compiledKey({ state: 'Revoked' }), null, 'True Revoked'],
    ['expired', compiledKey({ expiresAt: '2026-06-01T11:59:59Z' }), null, 'False Expired'],
    ['revoked and expired', compiledKey({ state: 'Revoked', expiresAt: '2026-06-01T11:59:59Z' }), null, 'True Revoked'],
    ['its Secret is gone', compiledKey(), token('missing'), 'True TokenSecretMissing'],
    ['its Secret was edited', compiledKey(), token('damaged'), 'False TokenSecretDamaged'],
    ['its Secret was edited, and it is revoked', compiledKey({ state: 'Revoked' }), token('damaged'), 'True Revoked'],
    ['its Secret is somebody else’s', compiledKey(), token('conflict'), 'False TokenSecretConflict'],
    ['its Secret is refused', compiledKey(), token('refused'), 'False TokenSecretRefused'],
    ['its Secret is being collected', compiledKey(), token('waiting'), 'False TokenSecretTaken'],
  ])('%s', (_sentence, compiled, standing, expected) => {
    const ready = findCondition(apiKeyStatus(facts('ApiKey', both(row())), compiled, standing).status.conditions, 'Ready');
    expect(`${String(ready?.status)} ${String(ready?.reason)}`).toBe(expected);
  });

  test('a Secret that is left over from another name is told of, and takes nothing from a key that works', () => {
    const { status } = apiKeyStatus(facts('ApiKey', both(row())), compiledKey(), { ...token('ready'), why: 'denied by a policy.' });
    expect(findCondition(status.conditions, 'Ready')).toMatchObject({
      status: 'True',
      reason: 'Live',
      message: 'Live on 2 of 2 gateways. A Secret that spec.tokenSecret named before is left over: denied by a policy.',
    });
  });

  test('a key that will expire comes back at that moment', () => {
    expect(apiKeyStatus(facts('ApiKey', both(row())), compiledKey({ expiresAt: '2026-06-01T12:00:10Z' }), null).againInMs).toBe(10_050);
  });

  test('the latest use of any replica is shown, in steps of five minutes', () => {
    const used = (before: string | undefined, at: string) => {
      const object = { metadata: { name: 'acme', generation: 3 }, status: before === undefined ? {} : { lastUsed: before } };
      const pods = [pod('g-0', 5, [row()], [{ id: 'acme', last_used_at: at }]), pod('g-1', 5)];
      return apiKeyStatus(facts('ApiKey', pods, { object }), compiledKey(), null).status.lastUsed;
    };
    expect(used(undefined, '2026-06-01T10:00:00Z')).toBe('2026-06-01T10:00:00Z');
    expect(used('2026-06-01T10:00:00Z', '2026-06-01T10:04:00Z')).toBe('2026-06-01T10:00:00Z');
    expect(used('2026-06-01T10:00:00Z', '2026-06-01T10:05:00Z')).toBe('2026-06-01T10:05:00Z');
  });
});
