/** Server-side apply: the one way in which objects and statuses are written. */
import { fieldManager } from '@offloader/contract';
import type { ApiClient } from './client.ts';

/** Applies the object under the operator's field manager, taking over fields that others have changed. An apply that changes nothing moves no version. */
export const serverSideApply = (client: ApiClient, path: string, body: object): Promise<unknown> =>
  client.request({ method: 'PATCH', path, query: { fieldManager, force: 'true' }, contentType: 'application/apply-patch+yaml', body });
