/** Mounted parts when there is an index, else a folder of manifests. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type AuthMode, mounted } from '@offloader/contract';
import { manifestsSource } from './manifests.ts';
import { mountedSource } from './mounted.ts';
import type { BundleSource } from './source.ts';

export type OpenedSource = { readonly source: BundleSource; readonly isMounted: boolean };

const hasManifests = (folder: string): boolean => readdirSync(folder, { recursive: true }).some((name) => /\.ya?ml$/.test(String(name)));

/** In a pod the index may come later than the pod: with `waits`, a folder with neither index nor manifests is one still to be mounted. */
export const openSource = (folder: string, auth: AuthMode, secretsDir: string | null, waits: boolean): OpenedSource =>
  existsSync(join(folder, mounted.index)) || (waits && !hasManifests(folder))
    ? { source: mountedSource(folder), isMounted: true }
    : { source: manifestsSource(folder, auth, secretsDir), isMounted: false };
