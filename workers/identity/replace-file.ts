/** Writes a file as a whole or not at all, for its owner alone. */

import { open, rename, unlink } from 'node:fs/promises';

export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.${process.pid}`;
  await unlink(fresh).catch(() => undefined);
  {
    await using file = await open(fresh, 'wx', 0o600);
    await file.writeFile(bytes);
    await file.sync();
  }
  await rename(fresh, path);
}
