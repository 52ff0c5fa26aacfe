// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { ChunkedDecoder } from "../http/chunked.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { textOf } from "../http/octets.ts";
import { RequestHead } from "../http/request_head.ts";
import { fieldsText, headTests, octets } from "./http_head_cases.ts";

/** What a scan found, in words; a refusal is its status. */
function scan(head: RequestHead, bytes: Uint8Array, start: number, end: number): unknown {
  const length = head.scan(bytes, start, end, DEFAULT_LIMITS);
  if (length <= 0) return length;
  const target = textOf(bytes, start + head.targetStart, start + head.targetEnd);
  const flags = [
    head.chunked ? "chunked" : head.contentLength,
    head.keepAlive ? "keep" : "close",
    ...head.expectsContinue ? ["expect"] : [],
    ...head.upgrades ? ["upgrade"] : [],
  ];
  const { minor } = head;
  return `${length} ${head.method(bytes, start)} ${target} 1.${minor} ${
    fieldsText(head, bytes, start)
  } ${flags.join(" ")}`;
}

// Data: heads, and what is found in them or the status with which they are refused.
// deno-fmt-ignore
const HEADS: readonly (readonly [string, string | number])[] = [
  ["GET / HTTP/1.1\r\nHost: a\r\n\r\n",                                 "27 GET / 1.1 [Host=a] -1 keep"],
  ["GET / HTTP/1.1\r\nHost: a\r\n\r\nbehind",                           "27 GET / 1.1 [Host=a] -1 keep"],
  ["\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",                         "31 GET / 1.1 [Host=a] -1 keep"],
  ["GET / HTTP/1.0\r\n\r\n",                                            "18 GET / 1.0 [] -1 close"],
  ["GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",                  "42 GET / 1.0 [Connection=Keep-Alive] -1 keep"],
  ["GET / HTTP/1.1\r\nHost:\r\n\r\n",                                   "25 GET / 1.1 [Host=] -1 keep"],
  ["GET / HTTP/1.1\r\nHOST: a\r\nconnection: CLOSE , x\r\n\r\n",        "50 GET / 1.1 [HOST=a|connection=CLOSE , x] -1 close"],
  ["GET / HTTP/1.1\r\nHost: a\r\nConnection: a,\tupgrade\r\n\r\n",      "51 GET / 1.1 [Host=a|Connection=a,\tupgrade] -1 keep upgrade"],
  ["POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n",         "49 POST /x 1.1 [Host=a|Content-Length=12] 12 keep"],
  ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n",         "49 POST / 1.1 [Host=a|Content-Length=007] 7 keep"],
  ["PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:CHUNKED \r\n\r\n",   "55 PUT / 1.1 [Host=a|Transfer-Encoding=CHUNKED] chunked keep"],
  ["PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n",         "49 PUT / 1.1 [Host=a|Expect=100-Continue] -1 keep expect"],
  ["A / HTTP/1.1\r\nHost: a\r\nx: \xff\x80\t y \r\n\r\n",               "36 A / 1.1 [Host=a|x=\xff\x80\t y] -1 keep"],
  ["OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",                             "31 OPTIONS * 1.1 [Host=a] -1 keep"],
  ["CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",                           "33 CONNECT a:1 1.1 [Host=a] -1 keep"],
  ["GET http://b/?c HTTP/1.1\r\nHost: a\r\n\r\n",                       "37 GET http://b/?c 1.1 [Host=a] -1 keep"],
  ["PATCH /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",                       "31 PATCH /\xc3\xa9 1.1 [Host=a] -1 keep"],
  ["\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",             400],
  ["\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",                               400],
  ["\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",                               400],
  [" GET / HTTP/1.1\r\nHost: a\r\n\r\n",                                400],
  ["GET\r\n\r\n",                                                       400],
  ["GET /\r\n\r\n",                                                     400],
  ["GET  / HTTP/1.1\r\nHost: a\r\n\r\n",                                400],
  ["GET /  HTTP/1.1\r\nHost: a\r\n\r\n",                                400],
  ["GET / a HTTP/1.1\r\nHost: a\r\n\r\n",                               400],
  ["G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n",                              400],
  ["GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",                             400],
  ["GET a HTTP/1.1\r\nHost: a\r\n\r\n",                                 400],
  ["GET * HTTP/1.1\r\nHost: a\r\n\r\n",                                 400],
  ["GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",                          400],
  ["CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",                             "31 CONNECT / 1.1 [Host=a] -1 keep"],
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n",   400],
  ["GET / http/1.1\r\nHost: a\r\n\r\n",                                 400],
  ["GET / HTTP/11\r\nHost: a\r\n\r\n",                                  400],
  ["GET / HTTP/1.1x\r\nHost: a\r\n\r\n",                                400],
  ["GET / HTTP/1.1\nHost: a\r\n\r\n",                                   400],
  ["GET / HTTP/1.1\rHost: a\r\n\r\n",                                   400],
  ["GET / HTTP/1.2\r\nHost: a\r\n\r\n",                                 505],
  ["GET / HTTP/2.0\r\nHost: a\r\n\r\n",                                 505],
  ["GET / HTTP/0.9\r\nHost: a\r\n\r\n",                                 505],
  ["GET / HTTP/1.1\r\n\r\n",                                            400],
  ["GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",                      400],
  ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n",                               400],
  ["GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",                          400],
  ["GET / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n",                            400],
  ["GET / HTTP/1.1\r\nHost: a\r\nb : c\r\n\r\n",                        400],
  ["GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n",                        400],
  ["GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n\r\n",                       400],
  ["GET / HTTP/1.1\r\nHost: a\r\nb: c\x01\r\n\r\n",                     400],
  ["GET / HTTP/1.1\r\nHost: a\r\nb: c\rd\r\n\r\n",                      400],
  ["GET / HTTP/1.1\r\nHost: a\r\nb: c\nd: e\r\n\r\n",                   400],
  ["GET / HTTP/1.1\r\nHost: a\r\n\rb: c\r\n\r\n",                       400],
  ["GET / HTTP/1.1\r\nHost: a\r\nb\xe9: c\r\n\r\n",                     400],
  ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400],
  ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999\r\n\r\n",       413],
  ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",        501],
  ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",                    400],
];

headTests("RequestHead", {
  create: () => new RequestHead(),
  scan,
  heads: HEADS.map(([text, found]) => [text, typeof found === "number" ? -found : found]),
  accepted: 12,
});

Deno.test("RequestHead.scan() goes on where it was, at the beginning of a line", () => {
  const limits = { ...DEFAULT_LIMITS, headerBytesMax: 1_000_000, headerCountMax: 8192 };
  const bytes = octets(`GET / HTTP/1.1\r\nHost: a\r\n${"Name: value\r\n".repeat(8000)}\r\n`);
  const head = new RequestHead();
  let end = 1;
  // Scanned anew each time it would be 750 million octets, and take seconds.
  while (head.scan(bytes, 0, end, limits) === 0) end = Math.min(end + 7, bytes.length);
  assertEquals(head.fieldCount, 8001);
});

// Data: chunked bodies, what they hold, and what stands behind them; or the status.
// deno-fmt-ignore
const BODIES: readonly (readonly [string, string | number, string?, string?])[] = [
  ["0\r\n\r\n",                                   "",        ""],
  ["0\r\n\r\nGET",                                "",        "GET"],
  ["5\r\nhello\r\n0\r\n\r\n",                     "hello",   ""],
  ["3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\nx",           "hello",   "x"],
  ["00005\r\nhello\r\n000\r\n\r\n",               "hello",   ""],
  ["A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""],
  ["1;a\r\nx\r\n0;b=c;d=\"e f\"\r\n\r\n",         "x",       ""],
  ["1\r\n\r\r\n0\r\n\r\n",                        "\r",      ""],
  ["2\r\n\r\n\r\n0\r\n\r\n",                      "\r\n",    ""],
  ["1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\nrest",     "x",       "rest", "A=b|C=d"],
  ["1\r\nx\r\n0\r\nContent-Length: 5\r\n\r\n",    400],
  ["1\r\nx\r\n0\r\nA : b\r\n\r\n",                400],
  ["\r\nx\r\n0\r\n\r\n",                          400],
  ["g\r\nx\r\n0\r\n\r\n",                         400],
  ["1 \r\nx\r\n0\r\n\r\n",                        400],
  ["-1\r\nx\r\n0\r\n\r\n",                        400],
  ["1\nx\r\n0\r\n\r\n",                           400],
  ["1\rx\r\n0\r\n\r\n",                           400],
  ["1;\n\r\nx\r\n0\r\n\r\n",                      400],
  ["1\r\nxy\r\n0\r\n\r\n",                        400],
  ["1\r\nx\n0\r\n\r\n",                           400],
  ["1\r\nx\r0\r\n\r\n",                           400],
];

Deno.test("ChunkedDecoder.decode() gives the same at every split point of every vector", () => {
  for (const [text, expected, rest = "", trailers = ""] of BODIES) {
    const bytes = octets(text);
    for (let split = 0; split <= bytes.length; split++) {
      const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
      let body = "";
      const data = (from: Uint8Array, start: number, end: number) => {
        assert(start < end);
        body += textOf(from, start, end);
      };
      let at = decoder.decode(bytes, 0, split, data);
      if (at === split) at = decoder.decode(bytes, split, bytes.length, data);
      const label = `${JSON.stringify(text)} at ${split}: ${decoder.reason}`;
      if (typeof expected === "number") {
        assertEquals(-at, expected, label);
        continue;
      }
      assertEquals(
        [decoder.done, body, textOf(bytes, at, bytes.length)],
        [true, expected, rest],
        label,
      );
      const found: string[] = [];
      const { fields, fieldCount } = decoder.trailers;
      for (let f = 0; f < fieldCount * 4; f += 4) {
        const name = textOf(decoder.trailerBytes, fields[f]!, fields[f + 1]!);
        found.push(`${name}=${textOf(decoder.trailerBytes, fields[f + 2]!, fields[f + 3]!)}`);
      }
      assertEquals(found.join("|"), trailers, label);
    }
  }
});
