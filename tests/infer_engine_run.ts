// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../infer/backend/backend.ts";
import { EngineCore } from "../infer/engine/engine_core.ts";
import type { AnswerEnd, EngineRequest, EngineSink } from "../infer/engine/engine_request.ts";
import type { Speculation } from "../infer/engine/speculation.ts";
import type { StepTimes } from "../infer/engine/step_times.ts";
import { GrammarCompiler } from "../infer/grammar/structured_output.ts";
import type { SampledToken } from "../infer/sampling/sampler.ts";
import { checkSamplingParams, type SamplingParams } from "../infer/sampling/sampling_params.ts";
import type { SchedulerBounds } from "../infer/scheduler/scheduler_bounds.ts";
import { PromptLookup } from "../infer/speculative/prompt_lookup.ts";

/** A request, and when it comes and is given up. */
export interface Ask {
  readonly kind: EngineRequest["kind"];
  readonly prompt: readonly number[];
  readonly params: SamplingParams;
  readonly priority: number;
  readonly comesAt: number;
  readonly abortsAt: number | null;
}

/** A request that comes at once. */
export function askWith(params: SamplingParams): Ask {
  const others = { kind: "generate", priority: 0, comesAt: 0, abortsAt: null } as const;
  return { ...others, prompt: [1, 2, 3, 4, 5], params };
}

/** What became of a request. */
export interface Said {
  readonly tokens: SampledToken[][];
  readonly texts: string[];
  readonly ends: (Omit<AnswerEnd, "cachedTokens"> | undefined)[];
  prompt?: readonly SampledToken[];
  embedding?: readonly number[];
  error?: string;
}

/** An engine from its first request to its last word. */
export class Run implements EngineSink {
  /** What computes. */
  readonly backend: Backend;
  /** The engine. */
  readonly core: EngineCore;
  readonly #said: Said[] = [];

  constructor(
    bounds: SchedulerBounds,
    backend: Backend,
    guessed: number | null,
    trace?: (times: StepTimes) => void,
  ) {
    this.backend = backend;
    const tokens = { bytesOf: (id: number) => Uint8Array.of(32 + id % 90), isSpecial: () => false };
    const lookup = new PromptLookup();
    const speculation: Speculation | undefined = guessed === null
      ? undefined
      : { tokens: guessed, sequence: () => lookup, [Symbol.dispose]: () => {} };
    this.core = new EngineCore(this.backend, {
      ...{ bounds, sink: this, speculation, trace },
      context: {
        ...{ tokens, eosTokenIds: [7, 8] },
        grammars: new GrammarCompiler(tokens, backend.config.vocabularySize),
      },
    });
  }

  said(id: number): Said {
    return this.#said[id] ??= { tokens: [], texts: [], ends: [] };
  }

  /** A request that was given up has said the beginning of what it would say. */
  assertBegins(id: number, whole: Said): void {
    const { texts, tokens } = this.said(id);
    for (const [i, text] of texts.entries()) {
      const other = whole.texts[i] ?? "";
      assert(other.startsWith(text) || text.startsWith(other), `${text} and ${other}`);
      const count = Math.min(tokens[i]!.length, whole.tokens[i]?.length ?? 0);
      assertEquals(tokens[i]!.slice(0, count), whole.tokens[i]?.slice(0, count) ?? []);
    }
  }

  run(asks: readonly Ask[]): void {
    const last = Math.max(...asks.flatMap(({ comesAt, abortsAt }) => [comesAt, abortsAt ?? 0]));
    for (let step = 0; step <= last || this.core.hasWork; step++) {
      assert(step < 3000, "it does not end");
      for (const [id, ask] of asks.entries()) {
        if (ask.comesAt === step) this.#add(id, ask);
        if (ask.abortsAt === step) this.core.abort(id);
      }
      this.core.step();
    }
  }

  delta(id: number, answer: number, tokens: readonly SampledToken[], text: string): void {
    const said = this.said(id);
    (said.tokens[answer] ??= []).push(...structuredClone(tokens));
    said.texts[answer] = (said.texts[answer] ?? "") + text;
  }

  end(id: number, answer: number, { cachedTokens: _, ...end }: AnswerEnd): void {
    this.said(id).ends[answer] = end;
  }

  prompt(id: number, tokens: readonly SampledToken[]): void {
    this.said(id).prompt = structuredClone(tokens);
  }

  embedding(id: number, values: Float32Array): void {
    this.said(id).embedding = [...values];
  }

  failed(id: number, error: unknown): void {
    this.said(id).error = String(error);
  }

  #add(id: number, { kind, prompt, params, priority }: Ask): void {
    this.core.add({
      ...{ id, kind, priority, salt: "", skipSpecialTokens: true, pooling: "last" },
      tokens: Int32Array.from(prompt),
      params: checkSamplingParams(params, this.backend.config.vocabularySize),
    });
  }
}
