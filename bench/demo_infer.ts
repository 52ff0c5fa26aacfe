// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The inference section of the demo: the bundled model answers, its words as they come.

import { Engine } from "../infer/engine/engine.ts";
import { demoModel } from "./infer_model.ts";

/** Answers that are computed together. */
const TOGETHER = 16;
const ANSWER_TOKENS = 64;
const QUESTION = "What is io_uring?";

/** Runs the section: writes the answer as it comes, and gives the lines behind it. */
export async function demoInfer(write: (text: string) => void): Promise<string> {
  const { path, isDemo } = demoModel();
  const loaded = performance.now();
  await using engine = await Engine.load(path);
  const loadMs = performance.now() - loaded;
  const name = isDemo ? "the demo model" : "a model of the tests, which only babbles";
  write(`Inference: ${name}, ${description(engine)}, loaded in ${loadMs.toFixed(0)} ms\n`);
  write(`  user       ${QUESTION}\n  assistant  `);
  const { firstMs, rate } = await answer(engine, write);
  const [alone, together] = [await speed(engine, 1), await speed(engine, TOGETHER)];
  return [
    "",
    `  first token after ${firstMs.toFixed(1)} ms, then ${rate.toFixed(0)} tokens/s`,
    `  1 answer at a time     ${alone.toFixed(0).padStart(8)} tokens/s`,
    `  ${TOGETHER} answers at a time   ${together.toFixed(0).padStart(8)} tokens/s`,
  ].join("\n");
}

/** What computes, and in a few words why nothing faster does. */
function description({ backend, config }: Engine): string {
  const { layerCount, hiddenSize } = config;
  return `${layerCount} layers of ${hiddenSize}, ${backend.split(/[:;] /, 2).join(": ")}`;
}

/** Streams an answer; gives the time to its first token, and its tokens a second from there. */
async function answer(
  engine: Engine,
  write: (text: string) => void,
): Promise<{ firstMs: number; rate: number }> {
  const start = performance.now();
  let [firstAt, tokens] = [start, 0];
  const messages = [{ role: "user", content: QUESTION }];
  const options = { temperature: 0, maxTokens: ANSWER_TOKENS };
  for await (const delta of engine.generate(messages, options)) {
    if (tokens === 0) firstAt = performance.now();
    tokens += delta.tokens.length;
    write(delta.text.replaceAll(/\s+/g, " "));
  }
  write("\n");
  return { firstMs: firstAt - start, rate: tokens / ((performance.now() - firstAt) / 1000) };
}

/** Tokens a second of so many answers at a time, of full length. */
async function speed(engine: Engine, count: number): Promise<number> {
  const start = performance.now();
  const options = { maxTokens: ANSWER_TOKENS, ignoreEos: true };
  const answers = await Promise.all(Array.from(
    { length: count },
    (_, seed) => engine.generate(QUESTION, { ...options, seed }),
  ));
  const tokens = answers.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  return tokens / ((performance.now() - start) / 1000);
}
