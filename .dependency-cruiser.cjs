// The one-way rules between rooms. `npm run layers` fails on any import that points the wrong way (type imports count).
/** @type {import('dependency-cruiser').IConfiguration} */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
module.exports = {
  forbidden: [
    forbid('no-cycles', 'A cycle means two files are one idea, or one file is two.', {}, { circular: true }),
    forbid(
      'contract-imports-nothing-of-ours',
      'Everything depends on the contract; it depends on no one.',
      { path: '^contract/src' },
      { path: '^(gateway|operator|cli|e2e|bench)/' },
    ),
    forbid(
      'contract-is-pure',
      'No I/O in the contract: only hashing and gzip of the core modules.',
      { path: '^contract/src', pathNot: '\\.test\\.ts$' },
      { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|zlib)$' },
    ),
    forbid('gateway-not-operator', 'They meet in the contract only.', { path: '^gateway/src' }, { path: '^(operator|cli)/' }),
    forbid('operator-not-gateway', 'They meet in the contract only.', { path: '^operator/src' }, { path: '^(gateway|cli)/' }),
    forbid(
      'cli-enters-by-the-door',
      'The CLI uses the public index of a workspace.',
      { path: '^cli/src' },
      { path: '^(gateway|contract|operator)/src/(?!index\\.ts)' },
    ),
    forbid(
      'domain-is-pure',
      'Decisions take plain data: no clock, no files, no network; hashing is a pure function.',
      { path: '^(gateway|operator)/src/domain', pathNot: '\\.test\\.ts$' },
      { path: '^(gateway|operator)/src/(?!domain)' },
    ),
    forbid(
      'domain-without-core',
      'As above: of the core modules only crypto (hashing).',
      { path: '^(gateway|operator)/src/domain', pathNot: '\\.test\\.ts$' },
      { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|net)$' },
    ),
    forbid(
      'loader-starts-fast',
      'A loader starts with every load: the schemas of the contract would take most of that time.',
      { path: '^gateway/src/(snapshots/(load|step-back)|domain/(load-sql|physical|sql|error-text)\\.)' },
      { path: '^contract/src/index', dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'duckdb-in-its-folder',
      'One adapter folder per technology.',
      { path: '^gateway/src/(?!duckdb|snapshots/loader|main|serve)' },
      { path: 'node_modules/@duckdb' },
    ),
    forbid(
      'express-in-its-folder',
      'One adapter folder per technology.',
      { path: '^gateway/src/(?!http)' },
      { path: 'node_modules/express/' },
    ),
    forbid(
      'kubernetes-in-its-folder',
      'One adapter folder per technology.',
      { path: '^operator/src/(?!kubernetes)' },
      { path: 'node_modules/@kubernetes' },
    ),
    forbid(
      'object-stores-in-their-folder',
      'One adapter folder per technology.',
      { path: '^gateway/src/(?!object-store)' },
      { path: 'node_modules/(@aws-sdk|@google-cloud)' },
    ),
    forbid(
      'no-test-code-from-source',
      'Shipped code never imports a test.',
      { path: '/src/', pathNot: '\\.test\\.ts$' },
      { path: '(\\.test\\.ts$|/test/)' },
    ),
    forbid('resolvable', 'Every import resolves.', {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};
