// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { LocalFs } from "../fs/local_fs.ts";
import { testConformance } from "./fs_conformance.ts";
import { temporaryFolder } from "./fs_temporary_folder.ts";

testConformance("LocalFs", { writable: true, directories: true, links: true }, async () => {
  const folder = await temporaryFolder();
  return {
    system: new LocalFs(),
    path: folder.path,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});
