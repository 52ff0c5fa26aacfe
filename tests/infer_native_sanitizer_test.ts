// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { buildLibrary } from "../infer/native/build_library.ts";
import { BUILD_DIRECTORY, nativeTest, PATHS } from "./infer_native.ts";

nativeTest(
  "every native call is clean under the address and undefined-behaviour sanitizers",
  async () => {
    const sanitizedProgram = "test_operators.c";
    const program = await buildLibrary({ directory: BUILD_DIRECTORY, sanitizedProgram });
    const { success, stdout, stderr } = await new Deno.Command(program).output();
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stderr).slice(0, 4_000));
    assertEquals(decoder.decode(stderr), "");
    const lines = decoder.decode(stdout).trim().split("\n");
    assertEquals(lines.at(-1), "ok");
    for (const path of PATHS) {
      assert(lines.some((line) => line.includes(`"path":"${path}"`)), `${path} did not run`);
    }
  },
);
