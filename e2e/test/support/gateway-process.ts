/** A gateway as its image runs it, but for a volume that is looked at often enough for a test. */
const { runGateway } = (await import(new URL('../../../gateway/src/run-gateway.ts', import.meta.url).href)) as {
  readonly runGateway: (environment: NodeJS.ProcessEnv, options: object) => Promise<void>;
};

await runGateway(process.env, { waitsForMount: true, volumeCheckMs: 200 });
