/** Publishes four weather stations with nested details, and serves them to everybody, without keys, until Ctrl-C. */
import { join } from 'node:path';
import { offloader } from '../offloader.ts';
import { placesOf } from '../places.ts';
import { layOut } from '../project.ts';
import { curl, serveExample } from '../serve-example.ts';
import { writeParquet } from '../write-parquet.ts';
import { stations } from './rows.ts';

const places = placesOf('stations');
await layOut(places, join(import.meta.dirname, 'resources'));
await offloader('validate', '--config', places.config, '--auth', 'none');
await writeParquet(join(places.staging, 'stations.parquet'), stations);
await offloader('publish', places.staging, '--dataset', 'stations', '--out', join(places.lake, 'stations'));
const examples = [
  '# one station with all that is known of it; nobody is asked for a key',
  curl(undefined, 'station?id=S-2'),
  '# one that there is not: an empty list',
  curl(undefined, 'station?id=S-9'),
  '# refused: without an id (422)',
  curl(undefined, 'station'),
];
process.exitCode = await serveExample(places, examples, { OFFLOADER_AUTH: 'none' });
