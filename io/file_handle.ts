// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** An open file, known by its descriptor alone: so that net can send one without knowing fs. */
export interface FileHandle {
  /** The descriptor; it stays open while it is used. */
  readonly fd: number;
}
