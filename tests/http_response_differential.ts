// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ChunkedDecoder } from "../http/chunked.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { textOf } from "../http/octets.ts";
import { BodyEnd, ResponseHead } from "../http/response_head.ts";
import { fieldTexts, type Outcome, type Subject } from "./http_differential.ts";

/** Responses, up to the end of the connection, as a client that sends GET would read them. */
export const RESPONSES: Subject = {
  kind: "response",
  // Data: one text each, an octet a character.
  seeds: [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nServer: a\r\nX-Empty:\r\n\r\nuntil the end",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nokHTTP/1.0 200\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n",
    'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: /b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 500 \r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\t\r\nx: \xe9\r\n\r\n",
  ],
  parse,
  framedOtherwise: new Map([
    ["HTAB behind chunked", /transfer-encoding:[ \t]*chunked *\t/i],
  ]),
  // Data: a pattern, and the section of the RFC.
  // deno-fmt-ignore
  justified: [
    [/^HTAB behind chunked$/,                 "RFC 9110 5.6.3: HTAB behind a value is a blank as well; llhttp reads to the end of the connection"],
    [/^bad transfer-encoding \/ ok$/,         "RFC 9112 6.1: a coding that is not understood is refused; llhttp reads to the end of the connection"],
    [/^transfer coding not supported \/ ok$/, "RFC 9112 7.4: none was asked for with TE; llhttp passes the coded body on"],
    [/^second transfer-encoding \/ ok$/,      "RFC 9112 6.1: chunked is not applied twice"],
    [/^transfer-encoding in HTTP\/1\.0 \/ ok$/, "RFC 9112 6.1: the framing of such a message is taken to be faulty"],
    [/^bad reason phrase \/ ok$/,             "RFC 9112 4: a reason phrase has no control characters"],
    [/^bad status line \/ ok$/,               "RFC 9112 4: nothing stands before a status line; empty lines are passed over in front of requests only (2.2)"],
    [/^bare CR \/ ok$/,                       "RFC 9112 2.2: CR without LF ends nothing"],
    [/^bad field name \/ ok$/,                "RFC 9112 5.1: a name is a token, and the colon follows at once"],
    [/^bad field value \/ ok$/,               "RFC 9110 5.5: no control characters in values"],
    [/^bad content-length \/ ok$/,            "RFC 9110 8.6: a length has digits; llhttp takes an empty one"],
    [/^second content-length \/ ok$/,         "RFC 9112 6.3: the same length twice may be refused"],
    [/^content-length too large \/ ok$/,      "RFC 9110 8.6: a length beyond what can be represented is refused"],
    [/^bad chunk extension \/ ok$/,           "RFC 9112 7.1.1: extensions may be limited; ours hold no control characters"],
    [/^bad chunk size \/ ok$/,                "RFC 9112 7.1: a size has digits only, and no blank behind it"],
    [/^framing field in trailers \/ ok$/,     "RFC 9110 6.5.1: framing has no place in trailers"],
    [/^ok \/ HPE_CLOSED_CONNECTION$/,         "RFC 9112 9.6: what stands behind Connection: close is not read; llhttp calls it an error"],
    [/^ok \/ HPE_STRICT$/,                    "RFC 9112 7.1.1: extensions are passed over; llhttp checks their grammar"],
    [/^ok \/ HPE_INVALID_(?:CONTENT_LENGTH|TRANSFER_ENCODING)$/, "RFC 9110 5.6.3: HTAB behind a value is a blank as well"],
    [/^more \/ HPE_[A-Z_]+$/,                 "a line, and the framing, are judged when they are complete: nothing was passed on by then"],
  ],
};

const limits = { ...DEFAULT_LIMITS, headerBytesMax: 65_536 };

function parse(text: string): Outcome {
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  const messages: Outcome["messages"] = [];
  for (let at = 0; at < bytes.length;) {
    const head = new ResponseHead();
    const length = head.scan(bytes, at, bytes.length, limits);
    if (length < 0) return { messages, error: head.reason };
    if (length === 0) return { messages, error: null, open: true };
    const { status, minor } = head;
    const [reason, headers] = [head.statusText(bytes, at), fieldTexts(head, bytes, at)];
    const message = { status, reason, minor, headers, body: "" };
    at += length;
    const body = head.bodyLength("GET");
    if (body === BodyEnd.CHUNKED) {
      const decoder = new ChunkedDecoder(limits);
      at = decoder.decode(bytes, at, bytes.length, (from, start, end) => {
        message.body += textOf(from, start, end);
      });
      if (at < 0) return { messages, error: decoder.reason };
      if (!decoder.done) return { messages, error: null, open: true };
    } else {
      const end = body === BodyEnd.CLOSE ? bytes.length : at + body;
      if (end > bytes.length) return { messages, error: null, open: true };
      message.body = textOf(bytes, at, end);
      at = end;
    }
    messages.push(message);
    // Neither goes on behind the last response, or what becomes of another protocol.
    if (!head.keepAlive || status === 101) break;
  }
  return { messages, error: null };
}
