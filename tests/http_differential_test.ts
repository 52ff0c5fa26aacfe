// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { compareWithLlhttp } from "./http_differential.ts";

Deno.test({
  name: "requests are taken and refused as llhttp does, but for what is listed",
  ignore: !hasNode(),
  fn: async () => void await compareWithLlhttp(30_000, 1),
});

function hasNode(): boolean {
  try {
    return new Deno.Command("node", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}
