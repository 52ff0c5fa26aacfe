// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Loads a model once: infer_load.ts DIRECTORY MODE CACHE. MODE is "quantize", to read it into the
// native library in INT8; "read", to read the same file into fresh memory; or "skim", to read it
// into the same MiB again and again. CACHE is "cold", to have the kernel forget the file first, or
// "warm", to have it read before.

import { NativeDevice } from "../../infer/backend/native_device.ts";
import { NativeWeights } from "../../infer/backend/native_weights.ts";
import { openModel } from "../../infer/model/open_model.ts";

const GROUP_SIZE = 64;
const PIECE_BYTES = 1024 * 1024;

const [directory, mode, cache] = Deno.args;
const path = `${directory}/model.safetensors`;
const isCold = cache === "cold";
if (isCold) {
  await new Deno.Command("dd", { args: [`if=${path}`, "iflag=nocache", "count=0"] }).output();
} else skim();

using source = await openModel(directory!);
using device = new NativeDevice({ threads: 2 });
console.log("measuring");
const { before, seconds, weightBytes } = await measure();
const peak = kibibytes("VmHWM") * 1024;
console.log(JSON.stringify({ seconds, weightBytes, before, peak }));

async function measure(): Promise<{ before: number; seconds: number; weightBytes: number }> {
  const before = kibibytes("VmRSS") * 1024;
  const begin = performance.now();
  const passed = () => (performance.now() - begin) / 1_000;
  if (mode !== "quantize") {
    if (mode === "read") readAll();
    else skim();
    return { before, seconds: passed(), weightBytes: 0 };
  }
  using weights = new NativeWeights(device, source.config);
  await weights.load(source, { weights: { groupSize: GROUP_SIZE } });
  return { before, seconds: passed(), weightBytes: weights.byteLength };
}

function readAll(): void {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(file.statSync().size);
  for (let at = 0; at < bytes.length;) at += file.readSync(bytes.subarray(at))!;
}

function skim(): void {
  using file = Deno.openSync(path);
  const piece = new Uint8Array(PIECE_BYTES);
  while (file.readSync(piece) !== null);
}

function kibibytes(name: string): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
}
