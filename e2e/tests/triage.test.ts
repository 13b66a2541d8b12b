/** `kubectl offloader triage` on incidents that are made: what it says within seconds, that consumers go on, and that the runbook mends it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gatewayPods, operatorPods, scaleOperators, serviceUrl } from './support/gateways.ts';
import { hanging } from './support/hang.ts';
import { helm, kubectl, kubectlOffloader } from './support/kubectl.ts';
import { isOwnCluster } from './support/network.ts';
import { during } from './support/traffic.ts';
import { trio } from './support/trio.ts';
import { until } from './support/until.ts';

const three = trio('judged');
const { path } = three;

/** What it prints; that it exits 1 when it finds something is in what execFile throws. */
const triage = async (): Promise<{ readonly found: boolean; readonly said: string }> => {
  try {
    return { found: false, said: await kubectlOffloader('triage') };
  } catch (error) {
    const { code, stdout } = error as { code?: unknown; stdout?: string };
    if (code !== 1) throw error;
    return { found: true, said: stdout ?? '' };
  }
};
const well = async (): Promise<void> => {
  await until('triage to find nothing', triage, ({ said }) => said === 'OK: nothing found', { withinMs: 180_000, everyMs: 500 });
};
/** Triage once it says this; how soon it must is up to the caller. */
const says = async (what: RegExp, withinMs: number): Promise<string> =>
  (await until(`triage to say ${what.source}`, triage, ({ found, said }) => found && what.test(said), { withinMs, everyMs: 300 })).said;

beforeAll(async () => {
  await three.serve();
});
afterAll(async () => {
  await three.remove();
});

describe('triage in a cluster', () => {
  test('finds nothing when all is well', async () => {
    expect(await triage()).toEqual({ found: false, said: 'OK: nothing found' });
  });

  (isOwnCluster ? test : test.skip)(
    'a gateway that hangs is replica_behind, the environment’s, named at once; it serves again by itself',
    async () => {
      const [pod] = await gatewayPods();
      const name = pod?.name ?? '';
      await hanging(name, async () => {
        const { said } = await triage();
        expect(said).toMatch(/^replica_behind: owner Environment/);
        expect(said).toContain(`evidence: ${name} runs and does not answer`);
        expect(said).toContain('runbook: runbooks/replica-behind.md');
        // The operator comes to the same by itself, and the objects say so.
        await says(new RegExp(`${name} does not serve every resource as it is now`), 60_000);
      });
      await well();
      expect((await gatewayPods()).find((one) => one.name === name)).toMatchObject({ uid: pod?.uid, restarts: pod?.restarts, ready: true });
    },
  );

  test('no operator is operator_down; nobody who asks for data notices', async () => {
    const { failures } = await during({ urls: [await serviceUrl()], path, token: three.token }, async () => {
      await scaleOperators(0);
      expect((await triage()).said).toMatch(
        /^operator_down: owner Environment[^]*evidence: there is no operator pod[^]*runbooks\/operator-down.md/,
      );
      await scaleOperators(1);
      await well();
    });
    expect(failures).toEqual([]);
  });

  test('an upgrade whose gateway does not start costs one replica, named with what Kubernetes says of it; helm rollback mends it', async () => {
    const uids = async (): Promise<readonly string[]> => (await gatewayPods()).map(({ uid }) => uid);
    const before = await uids();
    const { failures } = await during({ urls: [await serviceUrl()], path, token: three.token }, async () => {
      await helm('upgrade', 'offloader', 'helm/offloader', '--reuse-values', '--set', 'gateway.env.OFFLOADER_POOL_SIZE=none');
      const said = await says(/gateway_does_not_start[^]*(CrashLoopBackOff|Error)/, 240_000);
      expect(said).toMatch(/gateway_does_not_start: owner Environment[^]*runbooks\/gateway-does-not-start.md/);
      // As the runbook says: the last line of the log tells what to set.
      const broken = (await gatewayPods()).find(({ ready }) => !ready)?.name ?? '';
      await until(
        // One that has just been started again has said nothing yet.
        'the last line of its log',
        async () => (await kubectl('logs', broken)).split('\n').at(-1) ?? '',
        (line) => line.includes('OFFLOADER_POOL_SIZE'),
      );
      expect((await uids()).filter((uid) => before.includes(uid))).toHaveLength(before.length - 1);
      await helm('rollback', 'offloader');
      await kubectl('rollout', 'status', 'statefulset/offloader-gateway', '--timeout=240s');
      await well();
    });
    expect(failures).toEqual([]);
    expect((await operatorPods()).every(({ ready }) => ready)).toBe(true);
  });
});
