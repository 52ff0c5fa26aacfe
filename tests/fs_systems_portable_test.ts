// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo } from "../io/engine_info.ts";
import { runTestFiles } from "./subprocess.ts";

// The engine makes a difference to those file systems only that are on a disk.
const FILES = [
  "tests/fs_local_fs_test.ts",
  "tests/fs_sub_fs_test.ts",
  "tests/fs_cached_fs_test.ts",
];
const LIMIT_MS = 60_000;

Deno.test({
  name: "the file systems pass their tests with PHOTON_ENGINE=deno",
  ignore: engineInfo().engine !== "uring",
  fn: () => runTestFiles(FILES, { PHOTON_ENGINE: "deno" }, LIMIT_MS),
});
