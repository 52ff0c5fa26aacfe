// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { buildEmulation, cudaTest } from "./infer_cuda.ts";
import { BUILD_DIRECTORY } from "./infer_native.ts";

cudaTest(
  "CUDA emulation: clean under the sanitizers, device memory too, whatever warps run first",
  async () => {
    const program = `${BUILD_DIRECTORY}/test_operators_cuda`;
    await buildEmulation(program, "test_operators.c");
    for (const seed of ["0", "1"]) {
      const env = { INFER_HOST_SEED: seed, INFER_HOST_LEAKS: "1" };
      const { success, stdout, stderr } = await new Deno.Command(program, { env }).output();
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assert(success, err!.slice(0, 4_000));
      assertEquals(err, "");
      assertEquals(out!.trim().split("\n").at(-1), "ok");
    }
  },
);
