// Damage to files, as disks do it.
import { open } from 'node:fs/promises';

/** Turns one bit of a file in place. */
export const turnBit = async (file: string, at: number): Promise<void> => {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 1 << (at % 8);
  await handle.write(byte, 0, 1, at);
  await handle.close();
};

/** Turns a bit in every 4 KiB behind a DuckDB file's headers: it still attaches, and no query of its data reads. */
export const spoil = async (file: string): Promise<void> => {
  const handle = await open(file, 'r');
  const { size } = await handle.stat();
  await handle.close();
  for (let at = 12_288 + 512; at < size; at += 4096) await turnBit(file, at);
};
