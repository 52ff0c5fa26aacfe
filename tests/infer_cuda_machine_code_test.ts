// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { buildCudaLibrary, findNvcc } from "../infer/native/build_cuda_library.ts";
import { BUILD_DIRECTORY } from "./infer_native.ts";

// What nvcc makes of the kernels, read back: no GPU is needed. The build takes minutes where there
// is no library of the same sources yet.

const nvcc = await findNvcc();
const cuobjdump = await findDisassembler();
const REASON = nvcc === undefined
  ? " (no CUDA compiler: set NVCC or CUDA_HOME, or put nvcc on the PATH)"
  : " (no disassembler: set CUOBJDUMP, or put cuobjdump beside nvcc or on the PATH)";
const ignore = nvcc === undefined || cuobjdump === undefined;

const LIBRARY_BYTES_MAX = 20 << 20;

/** A kernel, and an instruction that it exists for. */
interface Claim {
  readonly kernel: RegExp;
  readonly instruction: RegExp;
  /** Generations for which it must be so. */
  readonly compute: readonly number[];
}

// Data: kernels that claim tensor cores or the dot product of bytes.
// deno-fmt-ignore
const CLAIMS: readonly Claim[] = [
  { kernel: /attend_tiles/,              instruction: /\bHMMA\./,          compute: [75, 80, 86, 89, 90] },
  { kernel: /narrow_kernel.*int8_dots/,   instruction: /\bIDP\.4A\.S8\.S8/, compute: [75, 80, 86, 89, 90] },
  { kernel: /narrow_kernel.*int8_tensor/, instruction: /\bIMMA\./,          compute: [75, 80, 86, 89, 90] },
  { kernel: /wide_kernel.*int8_product/,  instruction: /\bIMMA\./,          compute: [75, 80, 86, 89, 90] },
  { kernel: /run_resident.*int8_dots/,    instruction: /\bIDP\.4A\.S8\.S8/, compute: [80, 86, 89, 90] },
  { kernel: /run_resident/,               instruction: /\bHMMA\./,          compute: [80, 86, 89, 90] },
  // Weights come into shared memory by themselves, and into the second cache.
  { kernel: /run_resident/,               instruction: /\bLDGSTS\./,        compute: [80, 86, 89, 90] },
  { kernel: /run_resident/,               instruction: /\bUBLKPF/,          compute: [90] },
  // Turing has no tensor cores for BF16.
  { kernel: /wide_kernel.*half_product/,  instruction: /\bHMMA\./,          compute: [80, 86, 89, 90] },
];

// Data: kernels that may have a stack frame: Turing has 8 bytes too few in the widest tiles, and so
// have sm_86 and sm_89 for attention over heads of 128 in the resident kernel.
const WITH_STACK: readonly RegExp[] = [
  /^sm_75 \w*(wide_kernelI12int8_product|attend_tilesILi128ELi[35]ELb1E)/,
  /^sm_8[69] \w*run_residentI9int8_dotsILi1ELi[24]EELi128E/,
];

Deno.test({
  name: `nvcc: kernels that claim tensor cores and dot products have them${ignore ? REASON : ""}`,
  ignore,
  fn: async () => {
    const library = await buildCudaLibrary({ directory: BUILD_DIRECTORY, compiler: nvcc! });
    assert(Deno.statSync(library).size < LIBRARY_BYTES_MAX, "the library is too large");
    for (const compute of [75, 80, 86, 89, 90]) {
      const kernels = splitKernels(await dump(["-sass", "-arch", `sm_${compute}`, library]));
      for (const claim of CLAIMS.filter((claim) => claim.compute.includes(compute))) {
        const claiming = [...kernels].filter(([name]) => claim.kernel.test(name));
        assert(claiming.length > 0, `sm_${compute} has no ${claim.kernel}`);
        const without = claiming.filter(([, code]) => !claim.instruction.test(code));
        assertEquals(without.map(([name]) => name), [], `sm_${compute}: ${claim.instruction}`);
      }
    }
  },
});

Deno.test({
  name: `nvcc: no hot kernel spills registers${ignore ? REASON : ""}`,
  ignore,
  fn: async () => {
    const library = await buildCudaLibrary({ directory: BUILD_DIRECTORY, compiler: nvcc! });
    const lines = (await dump(["-res-usage", library])).split("\n");
    let [kernel, compute, count] = ["", "", 0];
    const spilling: string[] = [];
    for (const line of lines) {
      compute = line.match(/^arch = (sm_\d+)/)?.[1] ?? compute;
      kernel = line.match(/Function (\w+):/)?.[1] ?? kernel;
      const usage = line.match(/STACK:(\d+) .*LOCAL:(\d+)/);
      if (!usage) continue;
      count++;
      const name = `${compute} ${kernel}`;
      if (WITH_STACK.some((known) => known.test(name))) continue;
      if (usage[1] !== "0" || usage[2] !== "0") spilling.push(`${name}: ${line}`);
    }
    assert(count > 50, `${count} kernels are in the library`);
    assertEquals(spilling, []);
  },
});

/** Code by kernels' names. */
function splitKernels(text: string): Map<string, string> {
  const parts = text.split(/^\s*Function : /m).slice(1);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf("\n")), part]));
}

async function dump(args: readonly string[]): Promise<string> {
  const command = new Deno.Command(cuobjdump!, { args: [...args] });
  const { success, stdout, stderr } = await command.output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function findDisassembler(): Promise<string | undefined> {
  const beside = nvcc?.includes("/") ? nvcc.replace(/[^/]*$/, "cuobjdump") : undefined;
  for (const place of [Deno.env.get("CUOBJDUMP"), beside, "cuobjdump"]) {
    if (!place) continue;
    try {
      if ((await new Deno.Command(place, { args: ["--version"] }).output()).success) return place;
    } catch {
      // The next one may be there.
    }
  }
}
