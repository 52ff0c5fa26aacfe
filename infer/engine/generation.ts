// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { SampledToken } from "../sampling/sampler.ts";
import type { AnswerEnd, FinishReason } from "./engine_request.ts";
import type { RequestListener } from "./engine_thread.ts";

/** More of an answer. */
export interface GenerationDelta {
  /** Which of the `n` answers. */
  readonly answer: number;
  /** Its text since the last delta; empty while a character, or what may be a stop, is open. */
  readonly text: string;
  /** Its tokens since the last delta. */
  readonly tokens: readonly number[];
  /** The same with their log probabilities, where `logprobs` asks for them. */
  readonly logprobs?: readonly SampledToken[];
  /** Why the answer ended, in its last delta; null before. */
  readonly finishReason: FinishReason | null;
  /** The token or text of the request that stopped it. */
  readonly stopReason: number | string | null;
}

/** A whole answer. */
export interface GeneratedAnswer {
  /** Its text. */
  readonly text: string;
  /** Its tokens, with the one that ended it. */
  readonly tokens: readonly number[];
  /** The same with their log probabilities, where `logprobs` asks for them. */
  readonly logprobs?: readonly SampledToken[];
  /** Why it ended. */
  readonly finishReason: FinishReason;
  /** The token or text of the request that stopped it; null for the model's own end. */
  readonly stopReason: number | string | null;
}

/** What was computed for a request, in tokens. */
export interface TokenUsage {
  /** The prompt. */
  readonly promptTokens: number;
  /** Of the prompt, what other prompts had begun with. */
  readonly cachedTokens: number;
  /** All answers. */
  readonly completionTokens: number;
  /** Prompt and answers. */
  readonly totalTokens: number;
}

/** The first answer, all answers, and what they took. */
export interface GenerationResult extends GeneratedAnswer {
  /** All `n` answers. */
  readonly answers: readonly GeneratedAnswer[];
  /** Log probabilities of the prompt's tokens, where asked for; the first one has none. */
  readonly promptLogprobs?: readonly SampledToken[];
  /** What was computed. */
  readonly usage: TokenUsage;
}

/** An answer as it grows. */
interface Growing {
  text: string;
  readonly tokens: number[];
  readonly logprobs: SampledToken[];
  end: AnswerEnd | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A delta that nobody has read yet, and that may still grow. */
interface OpenDelta extends Mutable<GenerationDelta> {
  readonly tokens: number[];
  logprobs?: SampledToken[];
}

/**
 * Answers on their way: a promise of the whole, and an iterator of the pieces, those of all answers
 * in turn. Both may be used; the pieces can be read once. Deltas that nobody reads grow together,
 * one for each answer, so that a slow reader costs no more memory than the answer. Leaving the loop
 * gives the request up.
 */
export interface Generation extends Promise<GenerationResult>, AsyncIterable<GenerationDelta> {
  /** The pieces as they come. */
  [Symbol.asyncIterator](): AsyncGenerator<GenerationDelta, void, undefined>;
}

/** A {@linkcode Generation} that is told by an engine. */
export class GenerationStream implements Generation {
  /** `"Generation"`. */
  readonly [Symbol.toStringTag] = "Generation";
  readonly #answers: Growing[];
  readonly #hasLogprobs: boolean;
  readonly #abort: () => void;
  readonly #deltas: OpenDelta[] = [];
  readonly #done = Promise.withResolvers<void>();
  #promptLogprobs: SampledToken[] | undefined;
  #open: number;
  #failure: { readonly error: unknown } | null = null;
  #isRead = false;
  #wakeReader: (() => void) | null = null;

  /** So many answers; `abort` gives the request up. */
  constructor(count: number, hasLogprobs: boolean, abort: () => void) {
    this.#answers = Array.from(
      { length: count },
      () => ({ text: "", tokens: [], logprobs: [], end: null }),
    );
    this.#open = count;
    this.#hasLogprobs = hasLogprobs;
    this.#abort = abort;
    // An error that only the iterator shows is no unhandled rejection.
    this.#done.promise.catch(() => {});
  }

  /** Takes what the engine says of the request. */
  listener(): RequestListener {
    return {
      delta: (answer, tokens, text) => this.#grow(answer, tokens, text),
      end: (answer, end) => this.#end(answer, end),
      prompt: (tokens) => this.#promptLogprobs = tokens,
      failed: (error) => this.fail(error),
    };
  }

  /** Whether nothing more comes. */
  get isOver(): boolean {
    return this.#open === 0 || this.#failure !== null;
  }

  /** Ends it with an error, unless it is over. */
  fail(error: unknown): void {
    if (this.isOver) return;
    this.#failure = { error };
    this.#done.reject(error);
    this.#wakeReader?.();
  }

  /** The whole, once it is complete. */
  then<A = GenerationResult, B = never>(
    onFulfilled?: ((result: GenerationResult) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#done.promise.then(() => this.#result()).then(onFulfilled, onRejected);
  }

  /** {@linkcode Promise.catch} */
  catch<B = never>(
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<GenerationResult | B> {
    return this.then(null, onRejected);
  }

  /** {@linkcode Promise.finally} */
  finally(onFinally?: (() => void) | null): Promise<GenerationResult> {
    return this.then().finally(onFinally);
  }

  /**
   * The pieces as they come, those of all answers in turn.
   *
   * @throws {TypeError} when they are read already
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<GenerationDelta, void, undefined> {
    if (this.#isRead) throw new TypeError("Cannot iterate a generation twice");
    this.#isRead = true;
    try {
      for (;;) {
        const delta = this.#deltas.shift();
        if (delta !== undefined) yield delta;
        else if (this.#failure !== null) throw this.#failure.error;
        else if (this.isOver) return;
        else await new Promise<void>((resolve) => this.#wakeReader = resolve);
      }
    } finally {
      if (!this.isOver) {
        this.#abort();
        this.fail(new DOMException("The generation was not read to its end", "AbortError"));
      }
    }
  }

  #grow(answer: number, tokens: readonly SampledToken[], text: string): void {
    const growing = this.#answers[answer]!;
    growing.text += text;
    const delta = this.#openDelta(answer);
    delta.text += text;
    for (const sampled of tokens) {
      growing.tokens.push(sampled.token);
      delta.tokens.push(sampled.token);
    }
    if (this.#hasLogprobs) {
      growing.logprobs.push(...tokens);
      (delta.logprobs ??= []).push(...tokens);
    }
  }

  #end(answer: number, end: AnswerEnd): void {
    this.#answers[answer]!.end = end;
    const delta = this.#openDelta(answer);
    delta.finishReason = end.finishReason;
    delta.stopReason = end.stopReason;
    if (--this.#open === 0) this.#done.resolve();
  }

  /** The delta of an answer that waits to be read; a reader that waits takes it a little later. */
  #openDelta(answer: number): OpenDelta {
    this.#wakeReader?.();
    this.#wakeReader = null;
    const known = this.#deltas.find((delta) => delta.answer === answer);
    if (known !== undefined) return known;
    const delta = { answer, text: "", tokens: [], finishReason: null, stopReason: null };
    this.#deltas.push(delta);
    return delta;
  }

  #result(): GenerationResult {
    const answers = this.#answers.map(({ text, tokens, logprobs, end }): GeneratedAnswer => {
      const { finishReason, stopReason } = end!;
      const asked = this.#hasLogprobs ? { logprobs } : {};
      return { text, tokens, ...asked, finishReason, stopReason };
    });
    const { promptTokens, cachedTokens } = this.#answers[0]!.end!;
    const completionTokens = this.#answers.reduce((sum, one) => sum + one.tokens.length, 0);
    const totalTokens = promptTokens + completionTokens;
    const usage = { promptTokens, cachedTokens, completionTokens, totalTokens };
    const asked = this.#promptLogprobs ? { promptLogprobs: this.#promptLogprobs } : {};
    return { ...answers[0]!, answers, ...asked, usage };
  }
}
