// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { decodeUtf8, JsonNode, parseJson } from "../model/json_node.ts";
import { type AddedToken, AddedTokenMatcher, type Recognized } from "./added_tokens.ts";
import { bytesOf, byteText } from "./byte_alphabet.ts";
import { prepareClasses } from "./character_class.ts";
import { cleanUpSpaces } from "./clean_up.ts";
import { type DecodeOptions, Detokenizer } from "./detokenizer.ts";
import { IdList } from "./id_list.ts";
import { nfc } from "./nfc.ts";
import { PieceEncoder } from "./piece_encoder.ts";
import { pieceEnd } from "./pre_tokenizer.ts";
import { readTokenizerFile, type TokenizerFile } from "./tokenizer_file.ts";
import { buildModel } from "./tokenizer_model.ts";
import { hashOf, type Vocabulary } from "./vocabulary.ts";

/** How a text becomes tokens. */
export interface EncodeOptions {
  /**
   * Put what the file's post-processor adds around the text, for Llama 3 `<|begin_of_text|>`.
   *
   * @default {true}
   */
  addSpecialTokens?: boolean;
  /**
   * Which added tokens are recognised in the text: `"none"`, so that text of a user stays text;
   * `"ordinary"`, those that are not special (Qwen's `<think>`); `"all"`, as Hugging Face does.
   *
   * @default {"none"}
   */
  addedTokens?: Recognized;
}

/** How tokens become a text. */
export interface DecodeTextOptions extends DecodeOptions {
  /**
   * Take out blanks before punctuation, as transformers does when a model's files say so.
   *
   * @default {false}
   */
  cleanUpSpaces?: boolean;
}

/** Bytes of text for which memory is kept between calls. */
const KEPT_BYTES_MAX = 2 ** 18;

/**
 * Byte-level BPE exactly as Hugging Face tokenizers does it, for the `tokenizer.json` of Llama 3
 * and Qwen.
 *
 * @example Text to ids and back
 * ```ts
 * import { Tokenizer } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const file = "tests/fixtures/infer/models/llama-tied-default/tokenizer.json";
 * const tokenizer = new Tokenizer(await Deno.readFile(file), { file });
 * const ids = tokenizer.encode("the cat");
 * assertEquals(tokenizer.tokenOf(ids[0]), "<|begin_of_text|>");
 * assertEquals(tokenizer.decode(ids, { skipSpecialTokens: true }), "the cat");
 * ```
 */
export class Tokenizer {
  /** The tokens that the file adds to the vocabulary, by their ids. */
  readonly addedTokens: readonly AddedToken[];
  readonly #file: TokenizerFile;
  readonly #vocabulary: Vocabulary;
  readonly #pieces: PieceEncoder;
  readonly #added = new Map<number, AddedToken>();
  readonly #addedIds = new Map<string, number>();
  /** Looked for in the text as it is, and in the text between those once it is normalized. */
  readonly #verbatim: AddedTokenMatcher;
  readonly #normalized: AddedTokenMatcher;
  readonly #ids = new IdList();
  #scratch = new Uint8Array(4096);

  /**
   * Reads the content of a `tokenizer.json`, or what was parsed of it; `options.file` is the name
   * that errors give a content.
   *
   * @throws {ModelFileError} when it is not such a file, or asks for something else than the
   * byte-level BPE of Llama 3 and Qwen
   */
  constructor(content: string | Uint8Array | JsonNode, options: { file?: string } = {}) {
    prepareClasses();
    const root = content instanceof JsonNode ? content : parseContent(content, options.file);
    this.#file = readTokenizerFile(root);
    const { vocabulary, merges, byteIds } = buildModel(root, this.#file);
    this.#vocabulary = vocabulary;
    this.#pieces = new PieceEncoder(vocabulary, merges, byteIds, this.#file.ignoreMerges);
    this.addedTokens = this.#file.addedTokens.toSorted((a, b) => a.id - b.id);
    for (const token of this.addedTokens) {
      this.#added.set(token.id, token);
      this.#addedIds.set(token.content, token.id);
    }
    const isNormalized = (token: AddedToken) => token.normalized;
    this.#verbatim = new AddedTokenMatcher(
      this.#file.addedTokens.filter((token) => !isNormalized(token)),
    );
    this.#normalized = new AddedTokenMatcher(
      this.#file.addedTokens.filter(isNormalized)
        .map((token) => ({ ...token, content: this.#normalize(token.content) })),
    );
  }

  /** Whether text is brought to normalization form C. */
  get isNormalized(): boolean {
    return this.#file.isNormalized;
  }

  /** Ids are below this. A model's logits may have more rows, which are then no tokens. */
  get size(): number {
    return this.#vocabulary.size;
  }

  /** Ids of a text. */
  encode(text: string, options: EncodeOptions = {}): Uint32Array<ArrayBuffer> {
    const { addSpecialTokens = true, addedTokens = "none" } = options;
    this.#ids.clear();
    if (addSpecialTokens) this.#pushAll(this.#file.prefixIds);
    this.#encodeText(text, addedTokens, "");
    if (addSpecialTokens) this.#pushAll(this.#file.suffixIds);
    return this.#ids.toArray();
  }

  /**
   * Ids of a text in which all added tokens are recognised but where `mark` divides them; the marks
   * themselves are no part of the text. For chat templates: a mark inside of what looks like a
   * special token in a user's words leaves it words.
   */
  encodeMarked(text: string, mark: string): Uint32Array<ArrayBuffer> {
    this.#ids.clear();
    this.#encodeText(text, "all", mark);
    return this.#ids.toArray();
  }

  /** Text of ids; ids without a token are passed over, bytes that are no UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>, options: DecodeTextOptions = {}): string {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      if (options.skipSpecialTokens && this.isSpecial(id)) continue;
      const part = this.bytesOf(id);
      parts.push(part);
      length += part.length;
    }
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    const text = decoder.decode(bytes);
    return options.cleanUpSpaces ? cleanUpSpaces(text) : text;
  }

  /** Decodes ids as they come. */
  detokenizer(options: DecodeOptions = {}): Detokenizer {
    return new Detokenizer(this, options);
  }

  /** The bytes that an id stands for, a view; empty when it has no token. */
  bytesOf(id: number): Uint8Array {
    return this.#vocabulary.bytesOf(id);
  }

  /** Whether the id is that of a special token. */
  isSpecial(id: number): boolean {
    return this.#added.get(id)?.special ?? false;
  }

  /** Id of a token as the file writes it (`Ġthe`, `<|eot_id|>`); undefined when there is none. */
  idOf(token: string): number | undefined {
    const added = this.#addedIds.get(token);
    if (added !== undefined) return added;
    const bytes = bytesOf(token);
    if (bytes === undefined) return undefined;
    const id = this.#vocabulary.find(bytes, 0, bytes.length, hashOf(bytes, 0, bytes.length));
    return id < 0 ? undefined : id;
  }

  /** Token of an id as the file writes it; undefined when it has none. */
  tokenOf(id: number): string | undefined {
    if (!this.#vocabulary.has(id)) return undefined;
    return this.#added.get(id)?.content ?? byteText(this.#vocabulary.bytesOf(id));
  }

  #encodeText(text: string, recognized: Recognized, mark: string): void {
    for (const { id, start, end } of this.#verbatim.split(text, recognized)) {
      if (id >= 0) this.#ids.push(id);
      else this.#encodeBetween(text.slice(start, end), recognized, mark);
    }
  }

  /** Text without the added tokens that are looked for in the text as it is. */
  #encodeBetween(text: string, recognized: Recognized, mark: string): void {
    const normal = this.#normalize(text);
    for (const { id, start, end } of this.#normalized.split(normal, recognized)) {
      if (id >= 0) {
        this.#ids.push(id);
      } else if (mark === "") {
        this.#encodePieces(normal.slice(start, end));
      } else {
        this.#encodePieces(this.#normalize(normal.slice(start, end).replaceAll(mark, "")));
      }
    }
  }

  #encodePieces(text: string): void {
    const bytes = this.#utf8(text);
    const digitsMax = this.#file.digitsMax;
    for (let start = 0; start < bytes.length;) {
      const end = pieceEnd(bytes, start, bytes.length, digitsMax);
      this.#pieces.encode(bytes, start, end, this.#ids);
      start = end;
    }
  }

  /** UTF-8 of a text, a lone surrogate as U+FFFD; valid until the next call. */
  #utf8(text: string): Uint8Array {
    const bytesMax = text.length * 3;
    if (bytesMax > KEPT_BYTES_MAX) return encoder.encode(text);
    if (bytesMax > this.#scratch.length) this.#scratch = new Uint8Array(bytesMax);
    return this.#scratch.subarray(0, encoder.encodeInto(text, this.#scratch).written);
  }

  #normalize(text: string): string {
    return this.#file.isNormalized ? nfc(text) : text;
  }

  #pushAll(ids: readonly number[]): void {
    for (const id of ids) this.#ids.push(id);
  }
}

function parseContent(content: string | Uint8Array, file = "tokenizer.json"): JsonNode {
  return parseJson(file, typeof content === "string" ? content : decodeUtf8(file, content));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
