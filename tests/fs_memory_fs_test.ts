// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { MemoryFs } from "../fs/memory_fs.ts";
import { testConformance } from "./fs_conformance.ts";

testConformance(
  "MemoryFs",
  { writable: true, directories: true, links: true },
  () =>
    Promise.resolve({
      system: new MemoryFs(),
      path: (name) => name,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
);
