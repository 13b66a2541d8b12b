/** Publishes the 36 rows of the usage example and serves them until Ctrl-C. */
import { join } from 'node:path';
import { offloader } from '../offloader.ts';
import { placesOf } from '../places.ts';
import { layOut } from '../project.ts';
import { curl, serveExample } from '../serve-example.ts';

const places = placesOf('usage');
await layOut(places, join(import.meta.dirname, 'resources'));
await offloader('validate', '--config', places.config);
await offloader('publish', join(import.meta.dirname, 'data'), '--dataset', 'usage', '--out', join(places.lake, 'usage'));
process.exitCode = await serveExample(places, [
  '# acme has two accounts, and sees no other',
  curl('demo-acme-token', 'account_totals'),
  curl('demo-acme-token', 'account_daily?account_id=A-1&area=shop'),
  curl('demo-globex-token', 'area_ranking'),
  '# refused: an area that is none (422), a tenant asked for (422), an endpoint not granted (404), a revoked key (401)',
  curl('demo-acme-token', 'account_daily?account_id=A-1&area=mail'),
  curl('demo-acme-token', 'account_totals?tenant_id=globex'),
  curl('demo-globex-token', 'account_totals'),
  curl('demo-revoked-token', 'account_totals'),
]);
