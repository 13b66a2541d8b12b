/** Packs collected pieces into a tar.gz whose manifest.json lists each with its size and the SHA-256 of its redacted bytes. */
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sha256Hex } from '@offloader/contract';
import type { Result } from '@offloader/contract';
import { create } from 'tar';
import { writeNewFile } from '../new-file.ts';
import { version } from '../version.ts';
import type { Collected, Piece } from './collect.ts';

export type BundleManifest = {
  readonly created_at: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly note: string;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string; readonly source: string }[];
  readonly not_fetched: Collected['missing'];
};

const note = 'Every file was redacted before it was written; checksums are of the redacted bytes. Read it before you send it.';

/** The list of contents. Pure. */
export const manifestOf = ({ pieces, missing, versions }: Collected, createdAt: string): BundleManifest => ({
  created_at: createdAt,
  versions: { offloader: version, node: process.versions.node, ...versions },
  note,
  files: pieces.map(({ path, source, text }) => ({ path, bytes: Buffer.byteLength(text), sha256: sha256Hex(text), source })),
  not_fetched: missing,
});

/** Writes the archive, for its owner's eyes only. */
export const writeArchive = async (
  out: string,
  collected: Collected,
  options: { readonly force: boolean; readonly createdAt: string },
): Promise<Result<null, string>> => {
  const folder = await mkdtemp(join(tmpdir(), 'offloader-support-'));
  try {
    const contents = join(folder, 'contents');
    const manifest: Piece = {
      path: 'manifest.json',
      source: '',
      text: `${JSON.stringify(manifestOf(collected, options.createdAt), null, 2)}\n`,
    };
    const all = [manifest, ...collected.pieces];
    for (const { path, text } of all) {
      await mkdir(dirname(join(contents, path)), { recursive: true });
      await writeFile(join(contents, path), text);
    }
    const packed = join(folder, 'bundle.tar.gz');
    await create(
      { gzip: true, cwd: contents, file: packed, portable: true },
      all.map(({ path }) => path),
    );
    return await writeNewFile(out, await readFile(packed), { force: options.force, mode: 0o600 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
