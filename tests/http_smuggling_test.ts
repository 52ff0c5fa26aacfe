// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertMatch } from "@std/assert";
import { serve } from "../http/mod.ts";
import { get, request } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { leakTest } from "./leak.ts";

const CHUNKED = request("POST", "/", ["Transfer-Encoding: chunked"]);

// Data: requests whose end two servers could see in different places.
// deno-fmt-ignore
const SMUGGLED: readonly (readonly [string, string])[] = [
  ["CL.TE",                                request("POST", "/", ["Content-Length: 6", "Transfer-Encoding: chunked"]) + "0\r\n\r\nG"],
  ["TE.CL",                                request("POST", "/", ["Transfer-Encoding: chunked", "Content-Length: 4"]) + "5c\r\nGPOST"],
  ["CL.CL that differ",                    request("POST", "/", ["Content-Length: 1", "Content-Length: 2"]) + "a"],
  ["CL.CL that agree",                     request("POST", "/", ["Content-Length: 1", "Content-Length: 1"]) + "a"],
  ["a list of lengths",                    request("POST", "/", ["Content-Length: 1, 1"]) + "a"],
  ["a length with a sign",                 request("POST", "/", ["Content-Length: +1"]) + "a"],
  ["a length with a blank inside",         request("POST", "/", ["Content-Length: 1 1"]) + "a"],
  ["a length in hex",                      request("POST", "/", ["Content-Length: 0x1"]) + "a"],
  ["an empty length",                      request("POST", "/", ["Content-Length:"])],
  ["a length beyond 2^53",                 request("POST", "/", ["Content-Length: 99999999999999999999"])],
  ["TE.TE, both chunked",                  request("POST", "/", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]) + "0\r\n\r\n"],
  ["TE.TE, one unknown",                   request("POST", "/", ["Transfer-Encoding: chunked", "Transfer-Encoding: x"]) + "0\r\n\r\n"],
  ["TE: xchunked",                         request("POST", "/", ["Transfer-Encoding: xchunked"]) + "0\r\n\r\n"],
  ["TE: chunked, identity",                request("POST", "/", ["Transfer-Encoding: chunked, identity"]) + "0\r\n\r\n"],
  ["TE: identity",                         request("POST", "/", ["Transfer-Encoding: identity"])],
  ["TE: gzip, chunked",                    request("POST", "/", ["Transfer-Encoding: gzip, chunked"]) + "0\r\n\r\n"],
  ["TE: \"chunked\"",                      request("POST", "/", ['Transfer-Encoding: "chunked"']) + "0\r\n\r\n"],
  ["TE: chunked;x",                        request("POST", "/", ["Transfer-Encoding: chunked;x"]) + "0\r\n\r\n"],
  ["TE with a vertical tab",               request("POST", "/", ["Transfer-Encoding: \x0bchunked"]) + "0\r\n\r\n"],
  ["TE with a blank before the colon",     request("POST", "/", ["Transfer-Encoding : chunked"]) + "0\r\n\r\n"],
  ["TE behind a fold",                     request("POST", "/", ["X: a", " Transfer-Encoding: chunked"])],
  ["TE with a folded value",               request("POST", "/", ["Transfer-Encoding:", " chunked"]) + "0\r\n\r\n"],
  ["TE behind a bare CR",                  request("POST", "/", ["X: a\rTransfer-Encoding: chunked"])],
  ["TE behind a bare LF",                  request("POST", "/", ["X: a\nTransfer-Encoding: chunked"])],
  ["TE behind NUL",                        request("POST", "/", ["X: a\0Transfer-Encoding: chunked"])],
  ["TE in HTTP/1.0",                       "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["lines that end in LF",                 "GET / HTTP/1.1\nHost: a\n\n"],
  ["a request line that ends in LF",       "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["lines that end in CR",                 "GET / HTTP/1.1\rHost: a\r\r"],
  ["two hosts",                            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["no host",                              "GET / HTTP/1.1\r\n\r\n"],
  ["a host with a path",                   "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  ["a host with a user",                   "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"],
  ["a blank before the first field",       "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
  ["two blanks behind the method",         "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a tab in the request line",            "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a blank behind the version",           "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"],
  ["a version of two digits",              "GET / HTTP/1.10\r\nHost: a\r\n\r\n"],
  ["a chunk size without digits",          CHUNKED + "\r\n\r\n"],
  ["a chunk size with a sign",             CHUNKED + "+1\r\na\r\n0\r\n\r\n"],
  ["a negative chunk size",                CHUNKED + "-1\r\na\r\n0\r\n\r\n"],
  ["a chunk size in 0x form",              CHUNKED + "0x1\r\na\r\n0\r\n\r\n"],
  ["a chunk size of 20 digits",            CHUNKED + "00000000000000000001\r\na\r\n0\r\n\r\n"],
  ["a chunk size beyond 2^64",             CHUNKED + "10000000000000001\r\na\r\n0\r\n\r\n"],
  ["a blank before a chunk size",          CHUNKED + " 1\r\na\r\n0\r\n\r\n"],
  ["a blank behind a chunk size",          CHUNKED + "1 \r\na\r\n0\r\n\r\n"],
  ["a chunk size that ends in LF",         CHUNKED + "1\na\r\n0\r\n\r\n"],
  ["an extension with a bare LF",          CHUNKED + "1;a\nb\r\na\r\n0\r\n\r\n"],
  ["an extension with a bare CR",          CHUNKED + "1;a\rb\r\na\r\n0\r\n\r\n"],
  ["an extension with NUL",                CHUNKED + "1;a\0b\r\na\r\n0\r\n\r\n"],
  ["an extension without end",             CHUNKED + "1;" + "a".repeat(5000) + "\r\na\r\n0\r\n\r\n"],
  ["a chunk longer than its size",         CHUNKED + "1\r\nab\r\n0\r\n\r\n"],
  ["a chunk that ends in LF",              CHUNKED + "1\r\na\n0\r\n\r\n"],
  ["a chunk that ends in CR",              CHUNKED + "1\r\na\r0\r\n\r\n"],
  ["a length in the trailers",             CHUNKED + "0\r\nContent-Length: 5\r\n\r\n"],
  ["a coding in the trailers",             CHUNKED + "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a folded trailer",                     CHUNKED + "0\r\nA: b\r\n c\r\n\r\n"],
  ["a trailer that ends in LF",            CHUNKED + "0\r\nA: b\n\r\n"],
];

const REFUSED_REGEXP = /^HTTP\/1\.1 (?:4\d\d|501|505) [^]*connection: close\r\n\r\n$/;

leakTest("serve() refuses what could smuggle a request past it", async (t) => {
  for (const [name, text] of SMUGGLED) {
    await t.step(name, async () => {
      const paths: string[] = [];
      const rest = await answerTo(text + get("/smuggled"), paths);
      assertMatch(rest, REFUSED_REGEXP);
      assert(!paths.includes("/smuggled"), paths.join());
    });
  }
});

/** All that a server sends back, and the paths that its handler saw. */
async function answerTo(text: string, paths: string[]): Promise<string> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using server = serve(options, async (request) => {
    paths.push(new URL(request.url).pathname);
    await request.text();
    return new Response();
  });
  using client = await RawClient.open(server.addr);
  await client.send(text);
  return await client.rest();
}
