// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { RESPONSE_LIMITS } from "../http/limits.ts";
import { textOf } from "../http/octets.ts";
import { BodyEnd, ResponseHead } from "../http/response_head.ts";
import { fieldsText, headTests, octets } from "./http_head_cases.ts";

/** What a scan found, or why it refused, in words; 0 where more is needed. */
function scan(head: ResponseHead, bytes: Uint8Array, start: number, end: number): unknown {
  const length = head.scan(bytes, start, end, RESPONSE_LIMITS);
  if (length <= 0) return length === 0 ? 0 : `refused: ${head.reason}`;
  assertEquals(length, textOf(bytes, start, end).indexOf("\r\n\r\n") + 4);
  const body = head.bodyLength("GET");
  const ending = body === BodyEnd.CHUNKED ? "chunked" : body === BodyEnd.CLOSE ? "close" : body;
  const flags = [ending, head.keepAlive ? "keep" : "end", ...head.upgrades ? ["upgrade"] : []];
  const line = `1.${head.minor} ${head.status} <${head.statusText(bytes, start)}>`;
  return `${line} ${fieldsText(head, bytes, start)} ${flags.join(" ")}`;
}

// Data: heads, and what is found in them or the reason for which they are refused.
// deno-fmt-ignore
const HEADS: readonly (readonly [string, string, "refused"?])[] = [
  ["HTTP/1.1 200 OK\r\n\r\n",                                               "1.1 200 <OK> [] close keep"],
  ["HTTP/1.1 200 OK\r\n\r\nbehind",                                         "1.1 200 <OK> [] close keep"],
  ["HTTP/1.1 200 \r\n\r\n",                                                 "1.1 200 <> [] close keep"],
  ["HTTP/1.1 200\r\n\r\n",                                                  "1.1 200 <> [] close keep"],
  ["HTTP/1.1 200  OK\r\n\r\n",                                              "1.1 200 < OK> [] close keep"],
  ["HTTP/1.1 404 Not \t Found \xe9\r\n\r\n",                                "1.1 404 <Not \t Found \xe9> [] close keep"],
  ["HTTP/1.0 200 OK\r\n\r\n",                                               "1.0 200 <OK> [] close end"],
  ["HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\n", "1.0 200 <OK> [Connection=Keep-Alive|Content-Length=3] 3 keep"],
  ["HTTP/1.1 200 OK\r\nconnection: x, CLOSE\r\n\r\n",                       "1.1 200 <OK> [connection=x, CLOSE] close end"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n",                         "1.1 200 <OK> [Content-Length=12] 12 keep"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 007\r\nA:\r\n\r\n",                  "1.1 200 <OK> [Content-Length=007|A=] 7 keep"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding:\tChunked \r\n\r\n",               "1.1 200 <OK> [Transfer-Encoding=Chunked] chunked keep"],
  ["HTTP/1.1 204 No Content\r\n\r\n",                                       "1.1 204 <No Content> [] 0 keep"],
  ["HTTP/1.1 204 A\r\nContent-Length: 9\r\n\r\n",                           "1.1 204 <A> [Content-Length=9] 0 keep"],
  ["HTTP/1.1 304 A\r\nTransfer-Encoding: chunked\r\n\r\n",                  "1.1 304 <A> [Transfer-Encoding=chunked] 0 keep"],
  ["HTTP/1.1 100 Continue\r\n\r\n",                                         "1.1 100 <Continue> [] 0 keep"],
  ["HTTP/1.1 103 A\r\nLink: </a>\r\n\r\n",                                  "1.1 103 <A> [Link=</a>] 0 keep"],
  ["HTTP/1.1 101 A\r\nConnection: a,\tUpgrade\r\nUpgrade: x\r\n\r\n",       "1.1 101 <A> [Connection=a,\tUpgrade|Upgrade=x] 0 keep upgrade"],
  ["HTTP/1.1 999 A\r\n\r\n",                                                "1.1 999 <A> [] close keep"],
  ["HTTP/1.1 200 OK\r\nx: \xff\x80\t y \r\n\r\n",                           "1.1 200 <OK> [x=\xff\x80\t y] close keep"],
  ["\r\nHTTP/1.1 200 OK\r\n\r\n",                     "bad status line", "refused"],
  [" HTTP/1.1 200 OK\r\n\r\n",                        "bad status line", "refused"],
  ["http/1.1 200 OK\r\n\r\n",                         "bad status line", "refused"],
  ["HTTP/1.2 200 OK\r\n\r\n",                         "bad status line", "refused"],
  ["HTTP/2.0 200 OK\r\n\r\n",                         "bad status line", "refused"],
  ["HTTP/0.9 200 OK\r\n\r\n",                         "bad status line", "refused"],
  ["HTTP/11 200 OK\r\n\r\n",                          "bad status line", "refused"],
  ["ICY 200 OK\r\n\r\n",                              "bad status line", "refused"],
  ["HTTP/1.1  200 OK\r\n\r\n",                        "bad status line", "refused"],
  ["HTTP/1.1\t200 OK\r\n\r\n",                        "bad status line", "refused"],
  ["HTTP/1.1 099 OK\r\n\r\n",                         "bad status line", "refused"],
  ["HTTP/1.1 20 OK\r\n\r\n",                          "bad status line", "refused"],
  ["HTTP/1.1 2000 OK\r\n\r\n",                        "bad status line", "refused"],
  ["HTTP/1.1 200OK\r\n\r\n",                          "bad status line", "refused"],
  ["HTTP/1.1 +20 OK\r\n\r\n",                         "bad status line", "refused"],
  ["HTTP/1.1 200 OK\nA: b\r\n\r\n",                   "bad reason phrase", "refused"],
  ["HTTP/1.1 200 O\x00K\r\n\r\n",                     "bad reason phrase", "refused"],
  ["HTTP/1.1 200 O\x7fK\r\n\r\n",                     "bad reason phrase", "refused"],
  ["HTTP/1.1 200 OK\rA: b\r\n\r\n",                   "bare CR", "refused"],
  ["HTTP/1.1 200\rA: b\r\n\r\n",                      "bare CR", "refused"],
  ["HTTP/1.1 200 OK\r\n A: b\r\n\r\n",                "bad field name", "refused"],
  ["HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",           "bad field name", "refused"],
  ["HTTP/1.1 200 OK\r\nA : b\r\n\r\n",                "bad field name", "refused"],
  ["HTTP/1.1 200 OK\r\n: b\r\n\r\n",                  "bad field name", "refused"],
  ["HTTP/1.1 200 OK\r\nA\r\n\r\n",                    "bad field name", "refused"],
  ["HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n",             "bad field value", "refused"],
  ["HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",           "bad field value", "refused"],
  ["HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n",           "bare CR", "refused"],
  ["HTTP/1.1 200 OK\r\n\rA: b\r\n\r\n",               "bare CR", "refused"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",            "second content-length", "refused"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",                              "bad content-length", "refused"],
  ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",                                "bad content-length", "refused"],
  ["HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",                                   "bad content-length", "refused"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\n",                 "content-length too large", "refused"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",   "two lengths", "refused"],
  ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",                        "transfer-encoding in HTTP/1.0", "refused"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",                  "transfer coding not supported", "refused"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",                       "bad transfer-encoding", "refused"],
];

headTests("ResponseHead", {
  create: () => new ResponseHead(),
  scan,
  heads: HEADS.map(([text, found, refused]) => [text, refused ? `refused: ${found}` : found]),
  accepted: 20,
});

Deno.test("ResponseHead.bodyLength() knows which requests have no body in their answer", () => {
  const head = new ResponseHead();
  const bytes = octets("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  head.scan(bytes, 0, bytes.length, RESPONSE_LIMITS);
  assertEquals(["GET", "HEAD", "CONNECT"].map((method) => head.bodyLength(method)), [5, 0, 0]);
  const refused = octets("HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n");
  head.reset();
  head.scan(refused, 0, refused.length, RESPONSE_LIMITS);
  assertEquals(head.bodyLength("CONNECT"), BodyEnd.CHUNKED);
});

Deno.test("ResponseHead.scan() refuses heads beyond its limits before they are complete", () => {
  const limits = { headerBytesMax: 64, headerCountMax: 2 };
  for (
    const text of [
      `HTTP/1.1 200 ${"x".repeat(60)}`,
      `HTTP/1.1 200 OK\r\nA: ${"x".repeat(60)}`,
      "HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\n",
    ]
  ) {
    const head = new ResponseHead();
    const length = head.scan(octets(text), 0, text.length, limits);
    assertEquals([length, /^(?:head too long|too many fields)$/.test(head.reason)], [-431, true]);
  }
});
