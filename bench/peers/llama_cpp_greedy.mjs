// Greedy continuations by llama.cpp: node llama_cpp_greedy.mjs PACKAGE < JOBS, where PACKAGE is the
// folder of node-llama-cpp and JOBS is [{ path, prompt, count }] in JSON. Prints [[token]].
//
// One thread, and keys and values in F32, so that nothing is rounded that need not be.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { getLlama } = await import(pathToFileURL(`${process.argv[2]}/dist/index.js`).href);
const llama = await getLlama({
  build: "never",
  gpu: false,
  skipDownload: true,
  logLevel: "error",
  maxThreads: 1,
});
const answers = [];
for (const { path, prompt, count } of JSON.parse(readFileSync(0, "utf8"))) {
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({
    contextSize: 128,
    batchSize: 128,
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: "F32",
    experimentalKvCacheValueType: "F32",
  });
  const tokens = [];
  const options = { temperature: 0, yieldEogToken: true };
  for await (const token of context.getSequence().evaluate(prompt, options)) {
    if (tokens.push(token) === count) break;
  }
  answers.push(tokens);
  await model.dispose();
}
console.log(JSON.stringify(answers));
process.exit(0);
