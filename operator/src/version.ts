/** The operator's version, as logs, metrics and the user agent say it. */
import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('../package.json') as { readonly version: string };

export const { version } = manifest;
