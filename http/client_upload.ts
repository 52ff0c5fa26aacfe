// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ClientContent } from "./client_content.ts";
import type { Transport } from "./transport.ts";

/** Pieces up to this size are joined with what frames them. */
const JOINED_BYTES_MAX = 16_384;

/** How an upload went. */
export type UploadOutcome = "sent" | "stopped" | "refused";

/** Sends the content of a request behind its head. */
export class Upload {
  readonly #transport: Transport;
  readonly #content: ClientContent;
  readonly #onProgress: () => void;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #stopped = false;
  #permit: ((permitted: boolean) => void) | null = null;
  readonly #permitted: Promise<boolean> | null;

  /**
   * Prepares to send.
   *
   * @param waits Whether the server is to say first that it takes it (`100 Continue`)
   * @param onProgress Called when the server has taken some of it
   */
  constructor(
    transport: Transport,
    content: ClientContent,
    waits: boolean,
    onProgress: () => void,
  ) {
    this.#transport = transport;
    this.#content = content;
    this.#onProgress = onProgress;
    this.#permitted = waits ? new Promise((resolve) => this.#permit = resolve) : null;
  }

  /** Whether the server has still to say that it takes the content. */
  get waits(): boolean {
    return this.#permit !== null;
  }

  /** The server takes the content, or did not say in time. */
  proceed(): void {
    this.#permit?.(true);
    this.#permit = null;
  }

  /** Sends no more, and tells the source. */
  stop(reason?: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#permit?.(false);
    this.#permit = null;
    this.#reader?.cancel(reason).catch(() => {});
  }

  /**
   * Sends from a byte on, to the end.
   *
   * @returns Whether all was sent, it was stopped, or the server takes no more
   * @throws {unknown} what the source failed with
   */
  async run(from: number): Promise<UploadOutcome> {
    if (this.#permitted !== null && !await this.#permitted) return "stopped";
    const { bytes, byteLength } = this.#content;
    if (bytes !== null) return await this.#write(from === 0 ? bytes : bytes.subarray(from));
    const reader = this.#reader = this.#content.open().getReader();
    if (this.#stopped) {
      reader.cancel().catch(() => {});
      return "stopped";
    }
    let left = byteLength;
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#stopped) return "stopped";
      if (done) break;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError("Cannot send body: its stream gave something else than bytes");
      }
      if (value.length === 0) continue;
      left -= value.length;
      if (byteLength >= 0 && left < 0) throw new TypeError("Cannot send body: it is too long");
      const outcome = await (byteLength < 0 ? this.#writeChunk(value) : this.#write(value));
      if (outcome !== "sent") return outcome;
    }
    if (byteLength < 0) return await this.#write(LAST_CHUNK);
    if (left > 0) throw new TypeError("Cannot send body: it is too short");
    return "sent";
  }

  /** One chunk (RFC 9112 section 7.1). */
  async #writeChunk(value: Uint8Array): Promise<UploadOutcome> {
    const size = encoder.encode(`${value.length.toString(16)}\r\n`);
    if (value.length > JOINED_BYTES_MAX) {
      for (const piece of [size, value]) {
        const outcome = await this.#write(piece);
        if (outcome !== "sent") return outcome;
      }
      return await this.#write(LINE_END);
    }
    const chunk = new Uint8Array(size.length + value.length + 2);
    chunk.set(size);
    chunk.set(value, size.length);
    chunk.set(LINE_END, size.length + value.length);
    return await this.#write(chunk);
  }

  async #write(bytes: Uint8Array): Promise<UploadOutcome> {
    const taken = this.#transport.offer(bytes);
    if (taken < 0) return "refused";
    try {
      if (taken < bytes.length) await this.#transport.write(bytes.subarray(taken));
    } catch {
      // Why it takes no more shows in what is read.
      return "refused";
    }
    this.#onProgress();
    return this.#stopped ? "stopped" : "sent";
  }
}

const encoder = new TextEncoder();
const LINE_END = encoder.encode("\r\n");
const LAST_CHUNK = encoder.encode("0\r\n\r\n");
