/**
 * The gateway against a bare server over the same DuckDB file, by the contract's method. Writes summary.json and summary.md.
 *   node --conditions=source bench/gateway/measure.ts [--deep] [--remote-scan] [--out FOLDER] [--page FILE]
 */
import { runMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { writeSummary } from './write-summary.ts';

const options = parseOptions(process.argv.slice(2));
const summary = await runMethod(options, (line) => void process.stderr.write(`${line}\n`));
process.stdout.write(await writeSummary(summary, options));
