// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  type ChatMessage,
  createSampler,
  demoModelPath,
  GrammarCompiler,
  loadWeights,
  openModel,
  openTokenizer,
  ReferenceBackend,
  runStep,
  type SamplingParams,
  StepBatch,
  type Tokenizer,
} from "../infer/mod.ts";

const BOUNDS = { tokensMax: 256, sequencesMax: 1, blocksPerSequenceMax: 32, blockTokens: 16 };
const BLOCKS = Array.from({ length: BOUNDS.blocksPerSequenceMax }, (_, i) => i);

/** The demo model with nothing around it: one answer at a time. */
export interface DemoModel extends Disposable {
  readonly tokenizer: Tokenizer;
  /** The answer to a question, or how a text goes on. */
  answer(question: string | ChatMessage[], params: SamplingParams): string;
}

/** Opens it. */
export async function openDemoModel(): Promise<DemoModel> {
  using source = await openModel(demoModelPath());
  const { tokenizer, chatTemplate } = await openTokenizer(source);
  const options = { bounds: BOUNDS, blockCount: BLOCKS.length };
  const backend = new ReferenceBackend(await loadWeights(source), options);
  const { vocabularySize } = backend.config;
  const { eosTokenIds } = source.generation;
  const grammars = new GrammarCompiler(tokenizer, vocabularySize);
  const batch = new StepBatch(BOUNDS);
  return {
    tokenizer,
    answer(question, params) {
      const prompt = typeof question === "string"
        ? tokenizer.encode(question)
        : chatTemplate!.encode(tokenizer, question);
      const matcher = params.structuredOutput && grammars.matcher(params.structuredOutput);
      const sampler = createSampler(params, vocabularySize, {
        promptTokens: prompt,
        eosTokenIds,
        ...(matcher && { matcher }),
      });
      const answer: number[] = [];
      let [tokens, computedTokens]: [ArrayLike<number>, number] = [prompt, 0];
      while (answer.length < (params.maxTokens ?? 200)) {
        batch.clear();
        batch.add({ tokens, computedTokens, blocks: BLOCKS, logits: "last" });
        computedTokens += tokens.length;
        const { token } = sampler.sample(runStep(backend, batch).logits, computedTokens);
        if (eosTokenIds.includes(token)) break;
        sampler.accept(token);
        answer.push(token);
        tokens = [token];
      }
      return tokenizer.decode(answer);
    },
    [Symbol.dispose]() {
      backend.close();
    },
  };
}
