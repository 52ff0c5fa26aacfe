// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { openModel } from "../infer/model/open_model.ts";
import { inFolder } from "./infer_hostile.ts";
import { MODELS } from "./infer_model.ts";

const PROGRAM = new URL("../infer/cli.ts", import.meta.url).pathname;
const LLAMA = `${MODELS}llama-untied-llama3`;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function infer(...args: string[]): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", PROGRAM, ...args] });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("infer inspect prints shape, tokenizer and tensors of directory and GGUF", async () => {
  await inFolder(async (folder) => {
    const gguf = `${folder}/a.gguf`;
    assertEquals((await infer("gguf", LLAMA, gguf, "--type", "F16")).code, 0);
    for (const path of [LLAMA, gguf]) {
      const { code, stdout } = await infer("inspect", path);
      assertEquals(code, 0);
      const words = stdout.replaceAll(/ +/g, " ");
      for (
        const fact of [
          ...["family llama", "parameters 172352", "heads 4 queries, 2 keys and values, of 64"],
          ...["vocabulary 288, untied", "context 256 tokens", "theta 500000", "merges 24"],
          ...["<|eot_id|> 282", "begin token 280", "chat templates default", "[256, 64] 32.8 kB"],
        ]
      ) assertStringIncludes(words, fact);
    }
    assertStringIncludes((await infer("inspect", gguf)).stdout, "blk.1.ffn_down.weight");
    assertStringIncludes(
      (await infer("inspect", LLAMA)).stdout,
      "model-00003-of-00004.safetensors",
    );
  });
});

Deno.test("infer quantize writes a model that loads, with a progress bar", async () => {
  await inFolder(async (folder) => {
    const out = `${folder}/int8`;
    const args = ["--bits", "8", "--group", "128", "--workers", "2"];
    const { code, stderr } = await infer("quantize", LLAMA, out, ...args);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "INT8, groups of 128 100 %");
    using source = await openModel(out);
    assertEquals(source.config.quantization, { bits: 8, groupSize: 128 });
    assertEquals([...Deno.readDirSync(out)].map(({ name }) => name).sort(), [
      ...["config.json", "generation_config.json", "model.safetensors"],
      ...["tokenizer.json", "tokenizer_config.json"],
    ]);

    const again = await infer("quantize", LLAMA, out);
    assertEquals([again.code, again.stdout], [1, ""]);
    assertStringIncludes(again.stderr, "Cannot write to");
  });
});

Deno.test("infer says what it does not understand, and how it is used", async () => {
  // Data: arguments, exit status, and what is said.
  const cases: [string[], number, string][] = [
    [[], 2, "Name a command"],
    [["dance"], 2, '"dance" is no command'],
    [["inspect"], 2, "inspect takes 1 path"],
    [["quantize", "a", "b", "--bits", "4"], 2, "--bits is 4, not 8"],
    [["quantize", "a", "b", "--group", "48"], 2, "--group is 48, not 32, 64, 128"],
    [["inspect", "a", "--fast"], 2, "Unknown option '--fast'"],
    [["inspect", "/nowhere"], 1, "No such file or directory"],
    [["inspect", MODELS], 1, "config.json"],
    [["inspect", `${LLAMA}/config.json/x`], 1, "Not a directory"],
    [["gguf", LLAMA, "b", "--type", "Q5"], 2, "--type is Q5, not F32, F16, BF16, Q8_0, Q4_0"],
  ];
  await Promise.all(cases.map(async ([args, code, message]) => {
    const outcome = await infer(...args);
    assertEquals(outcome.code, code, args.join(" "));
    assertStringIncludes(outcome.stderr, message);
    assertEquals(outcome.stderr.includes("Usage:"), code === 2);
  }));
});
