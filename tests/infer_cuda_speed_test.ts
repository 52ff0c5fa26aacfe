// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { DEVICE, HOST, timelineOf } from "../bench/infer_cuda_timeline.ts";
import { cudaTest, LIBRARY } from "./infer_cuda.ts";

// What bench.sh runs of TypeScript, which must work where it is first run on a GPU. Figures of an
// emulated one say nothing.

const BENCH = new URL("../infer/native/cuda/bench.sh", import.meta.url).pathname;

const SAID_BY_LIBRARY = { model: "tiny", decode: 1, "tokens_per_s": 7 };
/** Instead of nvcc: it "links" a program that says what the real one would. */
const COMPILER = `#!/bin/sh
while [ $# -gt 0 ]; do
  if [ "$1" = -o ]; then
    printf '#!/bin/sh\\ncat <<END\\n${JSON.stringify(SAID_BY_LIBRARY)}\\nEND\\n' >"$2"
    chmod +x "$2"
  fi
  shift
done
`;

cudaTest("CUDA emulation: bench.sh tells an engine's speed, with a timeline", async () => {
  await inFolder(async (folder) => {
    const { success, output } = await runBench(folder, { DENO: Deno.execPath() });
    assert(success, output);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    const [result, timeline] = names.filter((name) => name.startsWith("infer_cuda_")).sort();
    const [alone, head, ...lines] = (await Deno.readTextFile(`${folder}/${result}`)).trim()
      .split("\n").map((line) => JSON.parse(line));
    assertEquals(alone, SAID_BY_LIBRARY);
    assertMatch(head.backend, /^cuda: /);
    assertEquals(lines.map(({ decode, prompt }) => decode ?? prompt), [1, 4, 8, 100, undefined]);
    for (const { tokens_per_s } of lines.slice(0, -1)) assert(tokens_per_s > 0);
    assert(lines[0].host_percent > 0 && lines[0].host_percent <= 100, output);
    assertEquals([lines[0].goal, lines[3].goal_ms, lines.at(-1).goal_percent], [2000, 2, 10]);
    const { traceEvents } = JSON.parse(await Deno.readTextFile(`${folder}/${timeline}`));
    const rows = new Set(traceEvents.map(({ tid }: { tid: number }) => tid));
    assertEquals(rows, new Set([HOST, DEVICE]));
    assertMatch(output, /^tokens\/s +goal +engine +library +transformers$/m);
    assertMatch(output, new RegExp(`^batch 1 +2000 +${lines[0].tokens_per_s} +7 +-$`, "m"));
  });
});

cudaTest("CUDA emulation: bench.sh says that there is no Deno, and times what it can", async () => {
  await inFolder(async (folder) => {
    const { success, output } = await runBench(folder, { DENO: "/nowhere/deno" });
    assert(success, output);
    assertMatch(output, /there is no Deno \(DENO or CARRIED names one\)/);
    assertMatch(output, /"tokens_per_s":7/);
  });
});

Deno.test("a timeline has the device at work from when it was handed something", () => {
  const turn = { prepareUs: 10, submitUs: 20, waitUs: 0, readUs: 5 };
  const bars = timelineOf([
    { ...turn, atUs: 35, deviceUs: 0 },
    { ...turn, atUs: 170, waitUs: 100, deviceUs: 120 },
    { ...turn, atUs: 305, waitUs: 100, deviceUs: 140 },
    // The device was done before it was waited for.
    { ...turn, atUs: 505, deviceUs: 50 },
  ]);
  const device = bars.filter(({ tid }) => tid === DEVICE).map(({ ts, dur }) => [ts, dur]);
  assertEquals(device, [[30, 120], [150, 140], [290, 50]]);
  const host = bars.filter(({ tid }) => tid === HOST).map(({ name, ts }) => [name, ts]);
  assertEquals(host.slice(0, 3), [["prepare", 0], ["submit", 10], ["read", 30]]);
});

async function runBench(
  folder: string,
  variables: Record<string, string>,
): Promise<{ success: boolean; output: string }> {
  const compiler = `${folder}/nvcc`;
  await Deno.writeTextFile(compiler, COMPILER, { mode: 0o755 });
  const { success, stdout, stderr } = await new Deno.Command(BENCH, {
    args: ["--no-tests", "--tiny"],
    env: {
      ...{ NVCC: compiler, RESULTS: folder, BUILD: folder, PHOTON_INFER_CUDA_LIBRARY: LIBRARY },
      ...variables,
    },
  }).output();
  const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, output: `${said}${complained}` };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
