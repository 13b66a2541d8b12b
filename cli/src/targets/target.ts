/** A Target is where `publish` puts a snapshot: a folder, a bucket. Paths are relative to it, with forward slashes. */
import type { Result } from '@offloader/contract';

export interface Target {
  /** For people: the URL or folder. */
  readonly name: string;
  readText(path: string): Promise<Result<string | null, string>>;
  has(path: string): Promise<Result<boolean, string>>;
  putFile(path: string, source: string): Promise<Result<null, string>>;
  putText(path: string, text: string): Promise<Result<null, string>>;
}

/** Small calls end within this time, like every call of the command; a file may take as long as its bytes keep moving. */
export const smallCallMs = 5_000;
/** A store that took a whole file may need a while to say so. */
export const silentUploadMs = 30_000;

export type S3Options = {
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly pathStyle: boolean;
};
