// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A folder for a test, which is removed with all that is in it. */
export interface TemporaryFolder extends AsyncDisposable {
  /** The path of something in it; of the folder itself without a name. */
  path(name?: string): string;
}

/** Makes a folder that a test has for itself. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const folder = await Deno.makeTempDir({ prefix: "photon_fs_" });
  return {
    path: (name) => name === undefined ? folder : `${folder}/${name}`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
