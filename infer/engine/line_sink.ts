// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { flattenThrown } from "../../io/work_error.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import { EventKind, writeEnd, writeTokens } from "./engine_protocol.ts";
import type { AnswerEnd, EngineSink } from "./engine_request.ts";
import { MessageWriter } from "./message.ts";
import type { LineWriter } from "./shared_line.ts";

/** Writes what becomes of requests into a line. */
export class LineSink implements EngineSink {
  readonly #line: LineWriter;
  readonly #wake: () => void;
  readonly #message = new MessageWriter();

  /** Writes into `line`; `wake` wakes its reader when there is no room. */
  constructor(line: LineWriter, wake: () => void) {
    this.#line = line;
    this.#wake = wake;
  }

  /** {@linkcode EngineSink.delta} */
  delta(id: number, answer: number, tokens: readonly SampledToken[], text: string): void {
    writeTokens(this.#message.begin(EventKind.delta, id).int(answer).text(text), tokens);
    this.#send();
  }

  /** {@linkcode EngineSink.end} */
  end(id: number, answer: number, end: AnswerEnd): void {
    writeEnd(this.#message.begin(EventKind.end, id).int(answer), end);
    this.#send();
  }

  /** {@linkcode EngineSink.prompt} */
  prompt(id: number, tokens: readonly SampledToken[]): void {
    writeTokens(this.#message.begin(EventKind.prompt, id), tokens);
    this.#send();
  }

  /** {@linkcode EngineSink.embedding} */
  embedding(id: number, values: Float32Array): void {
    this.#message.begin(EventKind.embedding, id).ints(new Int32Array(values.buffer));
    this.#send();
  }

  /** {@linkcode EngineSink.failed} */
  failed(id: number, error: unknown): void {
    const text = JSON.stringify(flattenThrown(error, true));
    this.#message.begin(EventKind.failed, id).text(text);
    this.#send();
  }

  #send(): void {
    this.#line.writeAll(this.#message, this.#wake);
  }
}
