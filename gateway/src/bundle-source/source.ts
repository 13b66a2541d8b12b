/** Where a gateway's configuration comes from: read once at boot, then watched. */
import type { LoadedConfig, Result } from '@offloader/contract';

export interface BundleSource {
  /** The configuration as it stands, or why it cannot be used. */
  read(): Promise<Result<LoadedConfig, string>>;
  /** Cheap mark of what is there: read again when it differs. */
  mark(): Promise<string>;
  /** Its files may be found half written: what has changed is read once it stays as it is from one look to the next. */
  readonly isEditedInPlace: boolean;
  /** How often the mark is looked at. */
  readonly pollMs: number;
}
