// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Runs a body in a folder of its own, which is removed with all that is in it.
 *
 * @param dir Where to make it; a file system of memory knows no O_DIRECT, the repository's may
 */
export async function inFolder(
  body: (folder: string) => Promise<void>,
  dir?: string,
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "photon-fs-", ...(dir ? { dir } : {}) });
  try {
    await body(Deno.realPathSync(folder));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
