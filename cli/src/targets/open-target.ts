/** Chooses the Target that a URL or a path names. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { err, ok } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import { localFolder } from './local-folder.ts';
import type { S3Options, Target } from './target.ts';

/** A Target for a folder, file://, s3:// or gs:// URL. The SDKs are loaded when they are needed: they take half a second. */
export const openTarget = async (place: string, s3: S3Options): Promise<Result<Target, string>> => {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(place)?.[1]?.toLowerCase();
  if (scheme === undefined) return ok(localFolder(resolve(place)));
  if (scheme === 'file') return ok(localFolder(fileURLToPath(place)));
  if (scheme === 's3') return ok((await import('./s3-bucket.ts')).s3Bucket(place, s3));
  if (scheme === 'gs') return ok((await import('./gcs-bucket.ts')).gcsBucket(place));
  return err(`--out takes a folder, file://, s3:// or gs://, not ${scheme}://`);
};
