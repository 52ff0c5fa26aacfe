// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { compareWithLlhttp, REQUESTS } from "./http_differential.ts";
import { RESPONSES } from "./http_response_differential.ts";

for (const subject of [REQUESTS, RESPONSES]) {
  Deno.test({
    name: `${subject.kind}s are taken and refused as llhttp does, but for what is listed`,
    ignore: !hasNode(),
    fn: async () => void await compareWithLlhttp(30_000, 1, subject),
  });
}

function hasNode(): boolean {
  try {
    return new Deno.Command("node", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}
