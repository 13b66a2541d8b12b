// Test projects: `unit` (x.test.ts beside x.ts, pure), `integration` (<workspace>/test, real DuckDB and real servers),
// `e2e` (a real cluster; started by e2e/run only). Sources run as native ES modules, transformed by swc.
import { availableParallelism } from 'node:os';

const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
  ],
};
const base = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  // It offers its TypeScript under the condition that is ours.
  moduleNameMapper: { '^eventsource-parser/stream$': '<rootDir>/node_modules/eventsource-parser/dist/stream.js' },
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  modulePathIgnorePatterns: ['/dist/', '/\\.demo/'],
};

export default {
  reporters: ['default', '<rootDir>/jest.closing-line.mjs'],
  // No measure of anything: only a bound on a hang, also on a machine that is busy with other things.
  testTimeout: 600_000,
  // A test that fails before it has closed its server must not keep the run from ending.
  forceExit: true,
  // Two at least: suites wait more than they compute. ES modules are never collected, so a worker that has grown is replaced.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  workerIdleMemoryLimit: '1GB',
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/{contract,gateway,operator,cli,bench}/{src,scripts}/**/*.test.ts'] },
    { ...base, displayName: 'integration', testMatch: ['<rootDir>/{contract,gateway,operator,cli,e2e,bench}/test/**/*.test.ts'] },
    {
      ...base,
      displayName: 'e2e',
      testMatch: ['<rootDir>/e2e/tests/**/*.test.ts'],
      setupFilesAfterEnv: ['<rootDir>/e2e/tests/support/every-step.ts'],
    },
  ],
};
