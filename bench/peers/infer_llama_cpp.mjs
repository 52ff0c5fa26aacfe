// Measures llama.cpp: node infer_llama_cpp.mjs PACKAGE MODEL.gguf THREADS, where PACKAGE is the
// folder of node-llama-cpp. Prints "listening PORT", then answers the cases of infer_cases.ts over
// HTTP.
//
// Sequences go in lock-step: all of them are asked for a token, so that llama.cpp gets them in one
// batch, and none is asked again before all have answered. Each size of a batch has a context of
// its own, so that no sequence looks at cells of others that are not in its batch.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [, , folder, modelPath, threads] = process.argv;
const PROMPT_TOKENS = 8;
const CONTEXT_TOKENS = 256;
const PREFILL_TOKENS_MAX = 512;

const { getLlama } = await import(pathToFileURL(`${folder}/dist/index.js`).href);
const llama = await getLlama({
  build: "never",
  gpu: false,
  skipDownload: true,
  logLevel: "error",
  maxThreads: Number(threads),
});
const model = await llama.loadModel({ modelPath });
const contexts = new Map();

function promptTokens(count, seed) {
  return Array.from({ length: count }, (_, i) => 10 + (i * 37 + seed * 101) % 200);
}

async function contextOf(name, sequences, contextSize) {
  if (!contexts.has(name)) {
    const context = await model.createContext({
      sequences,
      contextSize,
      batchSize: PREFILL_TOKENS_MAX,
      threads: Number(threads),
    });
    contexts.set(name, Array.from({ length: sequences }, () => context.getSequence()));
  }
  return contexts.get(name);
}

async function prefill({ tokens, repeats }) {
  const [sequence] = await contextOf("prefill", 1, PREFILL_TOKENS_MAX + 8);
  let seconds = 0;
  for (let i = 0; i < repeats; i++) {
    await sequence.clearHistory();
    const begin = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(promptTokens(tokens, i));
    seconds += (performance.now() - begin) / 1000;
  }
  return { tokens: tokens * repeats, steps: repeats, seconds };
}

async function decode({ batch, steps }) {
  const sequences = await contextOf(`decode ${batch}`, batch, CONTEXT_TOKENS);
  const answers = [];
  for (const [i, sequence] of sequences.entries()) {
    await sequence.clearHistory();
    const options = { temperature: 0, yieldEogToken: true };
    answers.push(sequence.evaluate(promptTokens(PROMPT_TOKENS, i), options));
  }
  const next = () => Promise.all(answers.map((answer) => answer.next()));
  // The prompt, and one step to be warm.
  await next();
  await next();
  const begin = performance.now();
  for (let i = 0; i < steps; i++) await next();
  const seconds = (performance.now() - begin) / 1000;
  await Promise.all(answers.map((answer) => answer.return()));
  return { tokens: batch * steps, steps, seconds };
}

const server = createServer(async (request, response) => {
  let text = "";
  for await (const part of request) text += part;
  const one = JSON.parse(text);
  const answer = await (one.kind === "prefill" ? prefill(one) : decode(one));
  response.end(JSON.stringify(answer));
});
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
