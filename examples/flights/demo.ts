/** `make demo`: publishes the flights up to 15 June, serves them, and prints lines to copy. Ctrl-C stops it. */
import { join } from 'node:path';
import { offloader } from '../offloader.ts';
import { placesOf } from '../places.ts';
import { layOut } from '../project.ts';
import { curl, serveExample } from '../serve-example.ts';
import { prepare } from './prepare.ts';
import { publish } from './publish-step.ts';
import { steps } from './steps.ts';

const places = placesOf('flights');
const [first] = steps;
if (first === undefined) throw new Error('the demo has no step');

console.log(`Preparing 3 million real US flights (up to ${first.until}) ...`);
await prepare(places, first);
await layOut(places, join(import.meta.dirname, 'resources'));
await offloader('validate', '--config', places.config);
await publish(places, first);
process.exitCode = await serveExample(places, [
  '# the last three days out of Chicago',
  curl('demo-ord-token', 'daily_delays?limit=3'),
  '# the same of Atlanta: another key, other rows',
  curl('demo-atl-token', 'daily_delays?limit=3'),
  '# departures to New York, as CSV',
  curl('demo-ord-token', 'departures.csv?to=LGA&limit=5'),
  '# where Los Angeles flies to',
  curl('demo-lax-token', 'top_destinations?limit=5'),
  '# the longest delays, read from the Parquet file',
  curl('demo-ord-token', 'long_delays?to=LGA,EWR'),
  '# refused: another airport asked for (422), an endpoint not granted (404), a revoked key (401)',
  curl('demo-ord-token', 'daily_delays?origin=ATL'),
  curl('demo-lax-token', 'daily_delays'),
  curl('demo-revoked-token', 'daily_delays'),
  '# a newer snapshot, while this one serves (in another terminal)',
  'make demo-publish',
]);
