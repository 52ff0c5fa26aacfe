// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { BUILD_FOLDER, CUDA_LIBRARY_NAME } from "../infer/native/native_sources.ts";
import { randomModelFile } from "./infer_model_file.ts";
import { denoPeer } from "./programs.ts";
import { Missing, type Outcome, type Plan, type Prepared, type Suite } from "./suite.ts";

/** Where the time of a step goes between TypeScript, the calls of the CUDA library, and the GPU. */
export const suite: Suite = {
  title: "a step of the CUDA library from the engine: host and device, per token of a sequence",
  // deno-fmt-ignore
  columns: [
    { metric: "step",    head: "step us",    unit: "us",  digits: 0 },
    { metric: "prepare", head: "prepare us", unit: "us",  digits: 1 },
    { metric: "submit",  head: "FFI us",     unit: "us",  digits: 1 },
    { metric: "wait",    head: "wait us",    unit: "us",  digits: 1 },
    { metric: "read",    head: "read us",    unit: "us",  digits: 1 },
    { metric: "device",  head: "device us",  unit: "us",  digits: 1 },
    { metric: "host",    head: "host share", unit: "1",   digits: 3 },
    { metric: "rate",    head: "tokens/s",   unit: "1/s", digits: 0 },
  ],
  ratios: [{ metric: "step", baseline: "logits" }],
  prepare,
  values: ({ report }: Outcome) => report,
};

const FIXTURE = new URL("../tests/fixtures/infer/models/llama-tied-default", import.meta.url);

async function prepare({ quick }: Plan): Promise<Prepared> {
  const library = findLibrary();
  const isEmulated = library?.includes("_host") ?? true;
  const model = isEmulated ? FIXTURE.pathname : await randomModelFile("Llama-3.2-1B");
  const seconds = quick ? 1 : 3;
  const cases = (quick ? [1, 4] : [1, 4, 16, 64]).map((sequences) => ({
    name: `${sequences} sequences`,
    subjects: ["drawn", "logits"].map((way) => ({
      name: way,
      everyCpu: true,
      server: library === undefined ? new Missing("there is no CUDA library") : undefined,
      load: () => {
        const args = [library!, model, String(sequences), String(seconds), way];
        return denoPeer("infer_cuda_steps.ts", ...args);
      },
    })),
  }));
  const ways = "drawn: the device chooses tokens; logits: they cross the bus";
  const share = "host share: prepare, FFI and read of all time; drawn, the device runs meanwhile";
  const emulated = "the library is emulated on the processor: kernels run inside of the FFI call";
  return { cases, notes: [ways, share, ...isEmulated ? [emulated] : []] };
}

/** The one to use, the one that was built, or the emulation that the tests have built. */
function findLibrary(): string | undefined {
  const chosen = Deno.env.get("PHOTON_INFER_CUDA_LIBRARY");
  if (chosen) return chosen;
  const names = [CUDA_LIBRARY_NAME, "libphoton_infer_cuda_host.so"];
  return names.map((name) => new URL(name, BUILD_FOLDER)).find(isThere)?.pathname;
}

function isThere(path: URL): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
