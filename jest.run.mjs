// Runs Jest. It takes every word after --selectProjects for a project's name; here `--selectProjects integration PATH` runs PATH alone.
import { run } from 'jest';

const projects = ['unit', 'integration', 'e2e'];
const words = process.argv.slice(2);
const start = words.indexOf('--selectProjects') + 1;
const length = words.slice(start).findIndex((word) => word.startsWith('-'));
const end = length === -1 ? words.length : start + length;
const isPath = (word, index) => start > 0 && index >= start && index < end && !projects.includes(word);
await run([...words.filter(isPath), ...words.filter((word, index) => !isPath(word, index))]);
