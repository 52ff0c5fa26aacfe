// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ChunkedDecoder } from "../http/chunked.ts";
import type { FieldSection } from "../http/field_section.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { textOf } from "../http/octets.ts";
import { RequestHead } from "../http/request_head.ts";
import { SEEDS } from "./http_differential_seeds.ts";

/** One message as a parser saw it. */
interface Message {
  /** Of a request. */
  method?: string;
  /** Of a request. */
  url?: string;
  /** Of a response. */
  status?: number;
  /** Of a response. */
  reason?: string;
  minor: number;
  headers: string[];
  body: string;
}

/** What a parser made of some bytes. */
export interface Outcome {
  messages: Message[];
  /** Why it stopped, or null. */
  error: string | null;
  /** Whether more bytes are needed. */
  open?: boolean;
}

/** Where we and llhttp differ, by our reason (or `ok`) and its code, and why ours is right. */
// Data: a pattern, and the section of the RFC.
// deno-fmt-ignore
const JUSTIFIED: readonly (readonly [RegExp, string])[] = [
  [/^(?:no|second|bad) host \/ /,            "RFC 9112 3.2: a request without a valid Host, or with two, is refused; llhttp leaves that to its user"],
  [/^bad target \/ ok$/,                     "RFC 9112 3.2: a target is a path, an absolute http URL, * of OPTIONS or the authority of CONNECT"],
  [/^too many empty lines \/ /,              "RFC 9112 2.2: at least one empty line is passed over; we stop after four"],
  [/^bare CR \/ ok$/,                         "RFC 9112 2.2: CR without LF ends nothing; llhttp passes over it before a request"],
  [/^second content-length \/ ok$/,          "RFC 9112 6.3: the same length twice may be refused"],
  [/^second transfer-encoding \/ /,          "RFC 9112 6.1: chunked is not applied twice"],
  [/^bad transfer-encoding \/ ok$/,          "RFC 9112 6.1: a coding that is not understood is refused"],
  [/^transfer coding not supported \/ ok$/,  "RFC 9112 6.1: a coding that is not understood is answered 501"],
  [/^transfer-encoding in HTTP\/1\.0 \/ ok$/, "RFC 9112 6.1: the framing of such a message is taken to be faulty"],
  [/^bad chunk extension \/ ok$/,            "RFC 9112 7.1.1: extensions may be limited; ours hold no control characters"],
  [/^bad chunk size \/ ok$/,                 "RFC 9112 7.1: a size has digits only, and no blank behind it"],
  [/^framing field in trailers \/ ok$/,      "RFC 9110 6.5.1: framing has no place in trailers"],
  [/^version not supported \/ ok$/,          "RFC 9110 2.5: only HTTP/1.0 and 1.1 are spoken here"],
  [/^bad method \/ ok$/,                     "RFC 9112 2.2: a bare LF before a request line is not an empty line"],
  [/^bad field name \/ ok$/,                 "RFC 9112 5.1: a name is a token, and the colon follows at once"],
  [/^bad field value \/ ok$/,                "RFC 9110 5.5: no control characters in values"],
  [/^content-length too large \/ ok$/,       "RFC 9110 8.6: a length beyond what can be represented is refused"],
  [/^ok \/ HPE_INVALID_METHOD$/,             "RFC 9110 9.1: methods are open to extension; llhttp knows a list"],
  [/^ok \/ HPE_INVALID_CONSTANT$/,           "RFC 9112 3: what llhttp knows of other protocols (ICE, RTSP) is a method here"],
  [/^ok \/ HPE_INVALID_URL$/,                "RFC 3986: octets beyond ASCII are passed on, as browsers send them; llhttp refuses them"],
  [/^ok \/ HPE_CLOSED_CONNECTION$/,          "RFC 9112 9.6: what stands behind Connection: close is not read; llhttp calls it an error"],
  [/^ok \/ HPE_PAUSED_UPGRADE$/,             "RFC 9110 7.8: whether to upgrade is the handler's choice; llhttp stops by itself"],
  [/^bad version \/ ok$/,                     "RFC 9112 3: one blank between target and version, not several"],
  [/^ok \/ HPE_STRICT$/,                      "RFC 9112 7.1.1: extensions are passed over; llhttp checks their grammar"],
  [/^ok \/ HPE_INVALID_(?:CONTENT_LENGTH|TRANSFER_ENCODING)$/, "RFC 9110 5.6.3: HTAB behind a value is a blank as well"],
  [/^bad content-length \/ ok$/,              "RFC 9110 8.6: a length without digits; llhttp tells it at the end of the head"],
  [/^more \/ HPE_[A-Z_]+$/,                   "a line, and the framing, are judged when they are complete: nothing was passed on by then"],
];

/** What is compared: texts to begin with, our parser, and the differences that are justified. */
export interface Subject {
  /** What llhttp is to parse. */
  readonly kind: "request" | "response";
  readonly seeds: readonly string[];
  parse(text: string): Outcome;
  readonly justified: readonly (readonly [RegExp, string])[];
  /** Texts that llhttp frames otherwise, where any difference may follow: names and patterns. */
  readonly framedOtherwise?: ReadonlyMap<string, RegExp>;
}

/** Requests. */
export const REQUESTS: Subject = { kind: "request", seeds: SEEDS, parse, justified: JUSTIFIED };

/** Compares as many mutated messages as asked; a difference that is not justified is an error. */
export async function compareWithLlhttp(
  count: number,
  seed: number,
  { kind, seeds, parse, justified, framedOtherwise = new Map() }: Subject = REQUESTS,
): Promise<Map<string, number>> {
  const differences = new Map<string, number>();
  await using oracle = new Oracle(kind);
  const random = new Random(seed);
  for (let done = 0; done < count; done += BATCH) {
    const texts = Array.from(
      { length: Math.min(BATCH, count - done) },
      () => mutate(random, random.pick(seeds)),
    );
    const theirs = await oracle.ask(texts);
    for (const [i, text] of texts.entries()) {
      let key = difference(parse(text), theirs[i]!);
      if (key === null) continue;
      for (const [name, pattern] of framedOtherwise) if (pattern.test(text)) key = name;
      differences.set(key, (differences.get(key) ?? 0) + 1);
      if (justified.some(([pattern]) => pattern.test(key))) continue;
      throw new Error(
        `${key}: ${JSON.stringify(text)}: ${JSON.stringify([parse(text), theirs[i]])}`,
      );
    }
  }
  return differences;
}

const BATCH = 5000;

/** In which way two outcomes differ; null when they do not. */
function difference(ours: Outcome, theirs: Outcome): string | null {
  const shared = Math.min(ours.messages.length, theirs.messages.length);
  for (let i = 0; i < shared; i++) {
    const [a, b] = [JSON.stringify(ours.messages[i]), JSON.stringify(theirs.messages[i])];
    if (a !== b) return `fields: ${a} ${b}`;
  }
  const kind = (outcome: Outcome) =>
    outcome.error ?? (outcome === ours && ours.open ? "more" : "ok");
  if (ours.error === null && theirs.error === null) {
    return ours.messages.length === theirs.messages.length ? null : "number of messages";
  }
  if (ours.error !== null && theirs.error !== null) return null;
  return `${kind(ours)} / ${kind(theirs)}`;
}

const decoderLimits = { ...DEFAULT_LIMITS, headerBytesMax: 65_536, urlBytesMax: 65_536 };

/** All requests in a text, as a connection would read them. */
function parse(text: string): Outcome {
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length;) {
    const head = new RequestHead();
    const length = head.scan(bytes, at, bytes.length, decoderLimits);
    if (length < 0) return { messages, error: head.reason };
    if (length === 0) return { messages, error: null, open: true };
    const message = describe(head, bytes, at);
    at += length;
    if (head.chunked) {
      const decoder = new ChunkedDecoder(decoderLimits);
      at = decoder.decode(bytes, at, bytes.length, (from, start, end) => {
        message.body += textOf(from, start, end);
      });
      if (at < 0) return { messages, error: decoder.reason };
      if (!decoder.done) return { messages, error: null, open: true };
    } else if (head.contentLength > 0) {
      if (bytes.length - at < head.contentLength) return { messages, error: null, open: true };
      message.body = textOf(bytes, at, at + head.contentLength);
      at += head.contentLength;
    }
    messages.push(message);
    // Neither goes on behind the last request, or what becomes of another protocol.
    if (!head.keepAlive || head.upgrades || message.method === "CONNECT") break;
  }
  return { messages, error: null };
}

function describe(head: RequestHead, bytes: Uint8Array, start: number): Message {
  return {
    method: head.method(bytes, start),
    url: textOf(bytes, start + head.targetStart, start + head.targetEnd),
    minor: head.minor,
    headers: fieldTexts(head, bytes, start),
    body: "",
  };
}

/** Names and values in turn. */
export function fieldTexts(head: FieldSection, bytes: Uint8Array, start: number): string[] {
  const texts: string[] = [];
  for (let at = 0; at < head.fieldCount * 4; at += 2) {
    texts.push(textOf(bytes, start + head.fields[at]!, start + head.fields[at + 1]!));
  }
  return texts;
}

// Octets and texts at which parsers disagree.
const BITS = [
  ..."\r\n \t:;,/?#*\0\x01\x0b\x0c\x7f\x80\xff\"'()<>@\\{}09afAFxX+-_.%",
  ...[
    "\r\n",
    "\r\n\r\n",
    "\n\n",
    "\r\n ",
    "\r\n\t",
    " chunked",
    "chunked",
    "0\r\n\r\n",
    "HTTP/1.1",
  ],
  ...[
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: b\r\n",
    "1\r\na\r\n",
    ";x=y",
  ],
];

/** A text with one to four changes. */
function mutate(random: Random, seed: string): string {
  let text = seed;
  for (let changes = random.below(4); changes >= 0; changes--) {
    const at = random.below(text.length + 1);
    const to = Math.min(text.length, at + random.below(random.below(4) === 0 ? 20 : 3));
    const insert = random.below(3) === 0 ? "" : random.pick(BITS);
    switch (random.below(4)) {
      case 0:
        text = text.slice(0, at) + insert + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + insert + text.slice(to);
        break;
      case 2:
        text = text.slice(0, at) + text.slice(at, to).repeat(2) + text.slice(to);
        break;
      default:
        text = text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    }
  }
  return text;
}

/** xorshift32: the same numbers from the same seed. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

/** Node in a process of its own; disposing ends it. */
class Oracle implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBufferLike>>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #kept = "";

  constructor(kind: Subject["kind"]) {
    const program = new URL("http_llhttp.mjs", import.meta.url).pathname;
    this.#child = new Deno.Command("node", {
      args: ["--no-deprecation", program, kind],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async ask(texts: readonly string[]): Promise<Outcome[]> {
    const sent = this.#writer.write(
      new TextEncoder().encode(texts.map((text) => `${btoa(text)}\n`).join("")),
    );
    const lines: string[] = [];
    while (lines.length < texts.length) {
      const { value } = await this.#reader.read();
      if (value === undefined) throw new Error("Node ended before it had answered");
      const pieces = (this.#kept + value).split("\n");
      this.#kept = pieces.pop()!;
      for (const piece of pieces) lines.push(piece);
    }
    await sent;
    return lines.map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#child.status;
  }
}
