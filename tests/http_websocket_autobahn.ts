// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Data: the cases of the Autobahn test suite for WebSockets, by their ids: what is sent to an echo,
// and what has to come back. Written anew from what each case says that it does.
import type { FrameOptions } from "./http_websocket_peer.ts";

/** One step: a frame to send, or something that has to come before the next. */
export type Step =
  | {
    readonly opcode: number;
    readonly payload: string | Uint8Array;
    readonly options: FrameOptions;
  }
  | { readonly expect: Expected };

/** What comes back. */
export type Expected =
  | { readonly message: string | Uint8Array }
  | { readonly pong: string | Uint8Array };

/** How a case ends. */
export type Ending =
  /** The case closes with 1000, and so does the echo. */
  | "clean"
  /** The echo answers the case's own close with one of these codes. */
  | { readonly answers: readonly number[] }
  /** The echo fails the connection with one of these codes. */
  | { readonly fails: readonly number[] };

/** A case of frames. */
export interface FrameCase {
  /** What is sent, in order. */
  readonly steps: readonly Step[];
  /** What comes back, in order, behind what the steps expect. */
  readonly expected: readonly Expected[];
  /** How it ends. */
  readonly ending: Ending;
}

/** A case that sends one message after the other, each when the last came back. */
export interface RoundTripCase {
  /** How many octets each has. */
  readonly byteLength: number;
  /** Which data they are cut from; text of one letter when left out. */
  readonly data?: DataName;
  /** Whether they are binary, without data. */
  readonly binary?: boolean;
  /** Octets of a fragment. */
  readonly fragment?: number;
  /** How it is compressed. */
  readonly deflate?: DeflateCase;
}

/** What a client offers, and what a server asks for. */
export interface DeflateCase {
  /** Offers in order: whether the server is to compress each message alone, and its window. */
  readonly offers: readonly (readonly [alone: boolean, bits: number])[];
}

/** The data sets of the cases 12, of which each is made anew here. */
export type DataName = "text" | "bitmap" | "document" | "json" | "html";

const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];

function makeCases(): Map<string, FrameCase | RoundTripCase> {
  const cases = new Map<string, FrameCase | RoundTripCase>();
  const groups: (() => Record<string, FrameCase | RoundTripCase>)[] = [
    framing,
    pings,
    reservedBits,
    opcodes,
    fragments,
    utf8,
    utf8Sequences,
    closing,
    limits,
    roundTrips,
    compression,
  ];
  for (const group of groups) {
    for (const [id, one] of Object.entries(group())) {
      if (cases.has(id)) throw new Error(`Case ${id} is there twice`);
      cases.set(id, one);
    }
  }
  return cases;
}

function send(opcode: number, payload: string | Uint8Array = "", options: FrameOptions = {}): Step {
  return { opcode, payload, options };
}

function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function echo(...messages: (string | Uint8Array)[]): Expected[] {
  return messages.map((message) => ({ message }));
}

function frames(steps: Step[], expected: Expected[] = [], ending: Ending = "clean"): FrameCase {
  return { steps, expected, ending };
}

function fails(steps: Step[], expected: Expected[] = [], code = 1002): FrameCase {
  return frames(steps, expected, { fails: [code] });
}

function framing(): Record<string, FrameCase> {
  const lengths = [0, 125, 126, 127, 128, 65_535, 65_536, 65_536];
  const cases: Record<string, FrameCase> = {};
  for (const [index, length] of lengths.entries()) {
    const options = index === 7 ? { chop: 997 } : {};
    const text = "*".repeat(length);
    const bytes = new Uint8Array(length).fill(0xfe);
    cases[`1.1.${index + 1}`] = frames([send(TEXT, text, options)], echo(text));
    cases[`1.2.${index + 1}`] = frames([send(BINARY, bytes, options)], echo(bytes));
  }
  return cases;
}

function pings(): Record<string, FrameCase> {
  const payload = new Uint8Array([0, 255, 254, 253, 252, 251, 0, 255]);
  const long = new Uint8Array(125).fill(0xfe);
  const ten = Array.from({ length: 10 }, (_, index) => `payload-${index}`);
  const pongs = ten.map((pong) => ({ pong }));
  return {
    "2.1": frames([send(PING)], [{ pong: "" }]),
    "2.2": frames([send(PING, "Hello, world!")], [{ pong: "Hello, world!" }]),
    "2.3": frames([send(PING, payload)], [{ pong: payload }]),
    "2.4": frames([send(PING, long)], [{ pong: long }]),
    "2.5": fails([send(PING, new Uint8Array(126).fill(0xfe))]),
    "2.6": frames([send(PING, long, { chop: 1 })], [{ pong: long }]),
    "2.7": frames([send(PONG)]),
    "2.8": frames([send(PONG, "unsolicited pong payload")]),
    "2.9": frames([send(PONG, "unsolicited"), send(PING, "ping")], [{ pong: "ping" }]),
    "2.10": frames(ten.map((text) => send(PING, text)), pongs),
    "2.11": frames(ten.map((text) => send(PING, text, { chop: 1 })), pongs),
  };
}

function reservedBits(): Record<string, FrameCase> {
  const text = "Hello, world!";
  const bytes = new Uint8Array([0, 255, 254]);
  const between = (rsv: number, options: FrameOptions) => [
    send(TEXT, text, options),
    send(TEXT, text, { ...options, rsv }),
    send(PING, "", options),
  ];
  return {
    "3.1": fails([send(TEXT, text, { rsv: 1 })]),
    "3.2": fails(between(2, {}), echo(text)),
    "3.3": fails(between(3, {}), echo(text)),
    "3.4": fails(between(4, { chop: 1 }), echo(text)),
    "3.5": fails([send(BINARY, bytes, { rsv: 5 })]),
    "3.6": fails([send(PING, text, { rsv: 6 })]),
    "3.7": fails([send(CLOSE, "", { rsv: 7 })]),
  };
}

function opcodes(): Record<string, FrameCase> {
  const cases: Record<string, FrameCase> = {};
  for (const [group, first] of [["4.1", 3], ["4.2", 11]] as const) {
    const text = "Hello, world!";
    cases[`${group}.1`] = fails([send(first)]);
    cases[`${group}.2`] = fails([send(first + 1, "reserved opcode payload")]);
    const behind = (opcode: number, payload: string, options: FrameOptions = {}) =>
      fails([send(TEXT, text, options), send(opcode, payload, options), send(PING)], echo(text));
    cases[`${group}.3`] = behind(first + 2, "");
    cases[`${group}.4`] = behind(first + 3, "reserved opcode payload");
    cases[`${group}.5`] = behind(first + 4, "reserved opcode payload", { chop: 1 });
  }
  return cases;
}

function fragments(): Record<string, FrameCase> {
  const open = { fin: false };
  const [one, two] = ["fragment1", "fragment2"];
  const pair = (opcode: number, options: FrameOptions = {}, second = {}) => [
    send(opcode, one, { ...options, ...open }),
    send(CONTINUATION, two, { ...options, ...second }),
  ];
  const withPing = (options: FrameOptions = {}) => [
    send(TEXT, one, { ...options, ...open }),
    send(PING, "ping", options),
    send(CONTINUATION, two, options),
  ];
  const pong = { pong: "ping" };
  const both = echo(one + two);
  const stray = (fin: boolean, options: FrameOptions = {}) =>
    fails([
      send(CONTINUATION, "non-continuation payload", { ...options, fin }),
      send(TEXT, "Hello, world!", options),
    ]);
  const five = ["fragment1", "fragment2", "fragment3", "fragment4", "fragment5"];
  const long = (waits: boolean, options: FrameOptions = {}) =>
    frames([
      send(TEXT, five[0], { ...options, ...open }),
      send(CONTINUATION, five[1], { ...options, ...open }),
      send(PING, "pongme 1!", options),
      ...waits ? [{ expect: { pong: "pongme 1!" } }] : [],
      send(CONTINUATION, five[2], { ...options, ...open }),
      send(CONTINUATION, five[3], { ...options, ...open }),
      send(PING, "pongme 2!", options),
      send(CONTINUATION, five[4], options),
    ], [...waits ? [] : [{ pong: "pongme 1!" }], { pong: "pongme 2!" }, ...echo(five.join(""))]);
  return {
    "5.1": fails(pair(PING)),
    "5.2": fails(pair(PONG)),
    "5.3": frames(pair(TEXT), both),
    "5.4": frames(pair(TEXT, { chop: 7 }), both),
    "5.5": frames(pair(TEXT, { chop: 1 }), both),
    "5.6": frames(withPing(), [pong, ...both]),
    "5.7": frames(withPing({ chop: 7 }), [pong, ...both]),
    "5.8": frames(withPing({ chop: 1 }), [pong, ...both]),
    "5.9": stray(true),
    "5.10": stray(true, { chop: 7 }),
    "5.11": stray(true, { chop: 1 }),
    "5.12": stray(false),
    "5.13": stray(false, { chop: 7 }),
    "5.14": stray(false, { chop: 1 }),
    "5.15": fails([
      ...pair(TEXT),
      send(CONTINUATION, "fragment3", open),
      send(TEXT, "fragment4"),
    ], both),
    "5.16": fails([
      send(CONTINUATION, one, open),
      send(TEXT, two, open),
      send(CONTINUATION, "fragment3"),
    ]),
    "5.17": fails([
      send(CONTINUATION, one),
      send(TEXT, two, open),
      send(CONTINUATION, "fragment3"),
    ]),
    "5.18": fails([send(TEXT, one, open), send(TEXT, two)]),
    "5.19": long(true),
    "5.20": long(true, { chop: 1 }),
  };
}

/** κόσμε */
const GREEK = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";

function utf8(): Record<string, FrameCase> {
  const open = { fin: false };
  const split = (text: Uint8Array): Step[] =>
    Array.from(
      text,
      (octet, index) =>
        send(index === 0 ? TEXT : CONTINUATION, new Uint8Array([octet]), {
          fin: index === text.length - 1,
        }),
    );
  const special = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!";
  const invalid = octets(`${GREEK}\xed\xa0\x80edited`);
  const alive = [send(PING, "alive"), { expect: { pong: "alive" } }];
  // Inside of a frame there is no place for a ping: its end is never sent.
  const half = (bad: string): Step[] => [
    send(TEXT, octets(`${GREEK}${bad}edited`), { withheld: "edited".length }),
  ];
  return {
    "6.1.1": frames([send(TEXT)], echo("")),
    "6.1.2": frames(
      [send(TEXT, "", open), send(CONTINUATION, "", open), send(CONTINUATION)],
      echo(""),
    ),
    "6.1.3": frames([
      send(TEXT, "", open),
      send(CONTINUATION, "middle frame payload", open),
      send(CONTINUATION),
    ], echo("middle frame payload")),
    "6.2.1": frames([send(TEXT, special)], echo(special)),
    "6.2.2": frames(
      [send(TEXT, special.slice(0, 10), open), send(CONTINUATION, special.slice(10))],
      echo(special),
    ),
    "6.2.3": frames(split(new TextEncoder().encode(special)), echo(special)),
    "6.2.4": frames(split(octets(GREEK)), echo("\u03ba\u1f79\u03c3\u03bc\u03b5")),
    "6.3.1": fails([send(TEXT, invalid)], [], 1007),
    "6.3.2": fails(split(invalid), [], 1007),
    // What would make the message whole is never sent: it has to fail before.
    "6.4.1": fails(
      [
        send(TEXT, octets(GREEK), open),
        ...alive,
        send(CONTINUATION, octets("\xf4\x90\x80\x80"), open),
      ],
      [],
      1007,
    ),
    "6.4.2": fails(
      [
        send(TEXT, octets(`${GREEK}\xf4`), open),
        ...alive,
        send(CONTINUATION, octets("\x90"), open),
      ],
      [],
      1007,
    ),
    "6.4.3": fails(half("\xf4\x90\x80\x80"), [], 1007),
    "6.4.4": fails(half("\xf4\x90"), [], 1007),
  };
}

/** Sequences from the UTF-8 decoder test of Markus Kuhn, group by group from 6.5 on. */
function sequences(): [valid: boolean, text: string][][] {
  const good = (...texts: string[]) => texts.map((text): [boolean, string] => [true, text]);
  const bad = (...texts: string[]) => texts.map((text): [boolean, string] => [false, text]);
  const range = (from: number, to: number, behind = "") =>
    Array.from({ length: to - from }, (_, i) => String.fromCharCode(from + i) + behind).join("");
  const whole = new Set([2, 5, 7, 9, 11]);
  const prefixes = Array.from(
    { length: GREEK.length },
    (_, index): [boolean, string] => [whole.has(index + 1), GREEK.slice(0, index + 1)],
  );
  const cut = [
    ...["\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80"],
    ...["\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"],
  ];
  const [highest, lowest] = ["\xed\xaf\xbf", "\xed\xb0\x80"];
  const noncharacters = ["\xf0", "\xf1", "\xf2", "\xf3", "\xf4"]
    .flatMap((first) => ["\x8f", "\x9f", "\xaf", "\xbf"].map((second) => first + second))
    .filter((pair) => pair !== "\xf0\x8f" && (pair[0] !== "\xf4" || pair[1] === "\x8f"))
    .flatMap((pair) => [`${pair}\xbf\xbe`, `${pair}\xbf\xbf`]);
  // deno-fmt-ignore
  return [
    good("hello$world", "hello\xc2\xa2world", "hello\xe2\x82\xacworld", "hello\xf0\xa4\xad\xa2world", GREEK),
    prefixes,
    good("\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"),
    bad("\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"),
    good("\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"),
    bad("\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"),
    [...good("\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"), ...bad("\xf4\x90\x80\x80")],
    bad("\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf", range(0x80, 0xbf)),
    bad(range(0xc0, 0xdf, " "), range(0xe0, 0xef, " "), range(0xf0, 0xf7, " "), range(0xf8, 0xfb, " "), range(0xfc, 0xfd, " ")),
    bad(...cut),
    bad(cut.join("")),
    bad("\xfe", "\xff", "\xfe\xfe\xff\xff"),
    bad("\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"),
    bad("\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"),
    bad("\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"),
    bad("\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", highest, lowest, "\xed\xbe\x80", "\xed\xbf\xbf"),
    bad(...["\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", highest].flatMap((high) => [high + lowest, `${high}\xed\xbf\xbf`])),
    good("\xef\xbf\xbe", "\xef\xbf\xbf", ...noncharacters),
    good("\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf"),
  ];
}

function utf8Sequences(): Record<string, FrameCase> {
  const cases: Record<string, FrameCase> = {};
  for (const [group, list] of sequences().entries()) {
    for (const [index, [valid, text]] of list.entries()) {
      const bytes = octets(text);
      cases[`6.${group + 5}.${index + 1}`] = valid
        ? frames(
          [send(TEXT, bytes)],
          echo(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)),
        )
        : fails([send(TEXT, bytes)], [], 1007);
    }
  }
  return cases;
}

function closePayload(code: number, reason: string | Uint8Array = ""): Uint8Array {
  const bytes = typeof reason === "string" ? new TextEncoder().encode(reason) : reason;
  return new Uint8Array([code >> 8 & 0xff, code & 0xff, ...bytes]);
}

function closing(): Record<string, FrameCase> {
  const normal = send(CLOSE, closePayload(1000));
  const text = "Hello World!";
  const answers = (...codes: number[]): Ending => ({ answers: codes });
  const large = "BAsd7&jh23".repeat(26_215).slice(0, 262_144);
  const cases: Record<string, FrameCase> = {
    "7.1.1": frames([send(TEXT, text), normal], echo(text), answers(1000)),
    "7.1.2": frames([normal, normal], [], answers(1000)),
    "7.1.3": frames([normal, send(PING)], [], answers(1000)),
    "7.1.4": frames([normal, send(TEXT, text)], [], answers(1000)),
    "7.1.5": frames(
      [send(TEXT, "fragment1", { fin: false }), normal, send(CONTINUATION, "fragment2")],
      [],
      answers(1000),
    ),
    "7.1.6": frames([send(TEXT, large), normal, send(PING)], echo(large), answers(1000)),
    "7.3.1": frames([send(CLOSE)], [], answers(1005)),
    "7.3.2": fails([send(CLOSE, "a")]),
    "7.3.3": frames([normal], [], answers(1000)),
    "7.3.4": frames([send(CLOSE, closePayload(1000, text))], [], answers(1000)),
    "7.3.5": frames([send(CLOSE, closePayload(1000, "*".repeat(123)))], [], answers(1000)),
    "7.3.6": fails([send(CLOSE, closePayload(1000, "*".repeat(124)))]),
    "7.5.1": fails(
      [
        send(CLOSE, closePayload(1000, octets(`${GREEK}\xed\xa0\x80edited`))),
      ],
      [],
      1007,
    ),
    "7.13.1": fails([send(CLOSE, closePayload(5000))]),
    "7.13.2": fails([send(CLOSE, closePayload(65_535))]),
  };
  const valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
  for (const [index, code] of valid.entries()) {
    cases[`7.7.${index + 1}`] = frames([send(CLOSE, closePayload(code))], [], answers(1000, code));
  }
  for (const [index, code] of [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].entries()) {
    cases[`7.9.${index + 1}`] = fails([send(CLOSE, closePayload(code))]);
  }
  return cases;
}

function limits(): Record<string, FrameCase> {
  const KIB = 1024;
  const cases: Record<string, FrameCase> = {};
  const add = (
    id: string,
    byteLength: number,
    binary: boolean,
    options: FrameOptions,
    piece = byteLength,
  ) => {
    const unit = "BAsd7&jh23";
    const text = unit.repeat(Math.ceil(byteLength / unit.length)).slice(0, byteLength);
    const content = binary ? octets(text) : text;
    const steps: Step[] = [];
    for (let at = 0; at < byteLength; at += piece) {
      const opcode = at > 0 ? CONTINUATION : binary ? BINARY : TEXT;
      const fin = at + piece >= byteLength;
      steps.push(send(opcode, content.slice(at, at + piece), { ...options, fin }));
    }
    cases[id] = frames(steps, echo(content));
  };
  for (const [second, binary] of [[1, false], [2, true]] as const) {
    for (const [index, kib] of [64, 256, 1024, 4096, 8192, 16_384].entries()) {
      add(`9.${second}.${index + 1}`, kib * KIB, binary, {});
    }
    for (
      const [index, piece] of [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304]
        .entries()
    ) {
      add(`9.${second + 2}.${index + 1}`, 4096 * KIB, binary, {}, piece);
    }
    for (const [index, chop] of [64, 128, 256, 512, 1024, 2048].entries()) {
      add(`9.${second + 4}.${index + 1}`, 1024 * KIB, binary, { chop });
    }
  }
  add("10.1.1", 65_536, false, {}, 1300);
  return cases;
}

function roundTrips(): Record<string, RoundTripCase> {
  const cases: Record<string, RoundTripCase> = {};
  for (const [index, byteLength] of [0, 16, 64, 256, 1024, 4096].entries()) {
    cases[`9.7.${index + 1}`] = { byteLength, binary: false };
    cases[`9.8.${index + 1}`] = { byteLength, binary: true };
  }
  return cases;
}

function compression(): Record<string, RoundTripCase> {
  const sizes = [
    ...[16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072].map((
      size,
    ) => [size, Infinity]),
    ...[8192, 16_384, 32_768, 65_536, 131_072].map((size) => [size, 256]),
    ...[1024, 4096, 32_768].map((fragment) => [131_072, fragment]),
  ] as [number, number][];
  const data: DataName[] = ["text", "bitmap", "document", "json", "html"];
  const offers: DeflateCase["offers"][] = [
    [[false, 0]],
    [[true, 0]],
    [[false, 8]],
    [[false, 15]],
    [[true, 8]],
    [[true, 15]],
    [[true, 8], [true, 0], [false, 0]],
  ];
  const cases: Record<string, RoundTripCase> = {};
  for (const [size, [byteLength, fragment]] of sizes.entries()) {
    for (const [index, name] of data.entries()) {
      const deflate = { offers: [[false, 0]] as const };
      cases[`12.${index + 1}.${size + 1}`] = { byteLength, data: name, fragment, deflate };
    }
    for (const [index, offer] of offers.entries()) {
      const deflate = { offers: offer };
      cases[`13.${index + 1}.${size + 1}`] = { byteLength, data: "json", fragment, deflate };
    }
  }
  return cases;
}

/** All cases. */
export const AUTOBAHN: ReadonlyMap<string, FrameCase | RoundTripCase> = makeCases();
