/**
 * The operator as one file, operator/dist/main.js, with only the code that it uses: @kubernetes/client-node as a whole is sixty
 * megabytes of source, of which the operator needs what reads a kubeconfig. Loaded whole it would take a quarter of its memory.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const outfile = join(root, 'operator/dist/main.js');

/** Its modules only declare classes; the package does not say so itself, so that a bundler would have to keep all of them. */
const declaresOnly = /node_modules\/@kubernetes\/client-node\//;
const pruned: Plugin = {
  name: 'pruned',
  setup: ({ onResolve, resolve }) => {
    onResolve({ filter: /./ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === pruned.name || from.kind === 'entry-point') return undefined;
      const found = await resolve(path, { ...from, pluginData: pruned.name });
      return declaresOnly.test(found.path) ? { ...found, sideEffects: false } : undefined;
    });
  },
};

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['operator/src/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  conditions: ['source'],
  plugins: [pruned],
  // Names stay, so that a stack can be read; V8 keeps the whole text in memory, so that blanks and comments go.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  sourcemap: 'linked',
  sourcesContent: false,
  metafile: true,
  // Packages that are CommonJS ask for Node's own modules this way.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
});

/** What the licences of the packages ask for: their texts go with the file. */
const packages = [...new Set(Object.keys(metafile.inputs).flatMap((path) => /^(?:.*node_modules\/)(?:@[^/]+\/)?[^/]+/.exec(path) ?? []))];
const licences = packages.toSorted().flatMap((folder) => {
  const name = folder.replace(/^.*node_modules\//, '');
  const files = readdirSync(join(root, folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  return files.map((file) => `${name}: ${file}\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`);
});
writeFileSync(join(root, 'operator/dist/LICENSES.txt'), licences.join(`\n${'-'.repeat(80)}\n`));

/** Who lists what an image is made of looks for the package.json of each package: names and versions of those in the file lie beside it. */
const bundled = join(root, 'operator/dist/bundled');
rmSync(bundled, { recursive: true, force: true });
for (const folder of packages) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<string, string>;
  mkdirSync(join(bundled, folder), { recursive: true });
  writeFileSync(join(bundled, folder, 'package.json'), JSON.stringify({ name, version, license }));
}
