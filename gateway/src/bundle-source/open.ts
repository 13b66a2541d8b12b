/** Mounted parts when there is an index, else a folder of manifests. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AuthMode, mounted } from '@offloader/contract';
import { manifestsSource } from './manifests.ts';
import { mountedSource } from './mounted.ts';
import type { BundleSource } from './source.ts';

export type OpenedSource = { readonly source: BundleSource; readonly isMounted: boolean };

/** In a pod the index may come later than the pod: `expectMounted` then waits for it rather than read an empty folder as manifests. */
export const openSource = (folder: string, auth: AuthMode, secretsDir: string | null, expectMounted: boolean): OpenedSource =>
  expectMounted || existsSync(join(folder, mounted.index))
    ? { source: mountedSource(folder), isMounted: true }
    : { source: manifestsSource(folder, auth, secretsDir), isMounted: false };
