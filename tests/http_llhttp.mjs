// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Node's HTTP parser (llhttp) as an oracle: a line of base64 in, a line of JSON out. The argument
// `response` makes it parse what a server sends, up to the end of the connection.
//
//   {"messages":[{"method","url","minor","headers":[name,value,...],"body"}],"error":code|null,
//    "open":whether a message had begun that was not over}
//
// A response has `status` and `reason` in place of `method` and `url`.

import { createInterface } from "node:readline";

const { HTTPParser, methods, allMethods } = process.binding("http_parser");
const names = allMethods ?? methods;

const isResponse = process.argv[2] === "response";

function parse(bytes) {
  const parser = new HTTPParser();
  parser.initialize(isResponse ? HTTPParser.RESPONSE : HTTPParser.REQUEST, {});
  const messages = [];
  let open = null;
  let early = [];
  parser[HTTPParser.kOnMessageBegin | 0] = () => {};
  parser[HTTPParser.kOnHeaders | 0] = (headers) => {
    if (open === null) early.push(...headers);
  };
  parser[HTTPParser.kOnHeadersComplete | 0] = (
    ...[_major, minor, headers, method, url, status, reason]
  ) => {
    const line = isResponse ? { status, reason } : { method: names[method], url };
    open = { ...line, minor, headers: [...early, ...(headers ?? [])], body: "" };
    early = [];
    return 0;
  };
  parser[HTTPParser.kOnBody | 0] = (piece) => {
    open.body += piece.toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete | 0] = () => {
    messages.push(open);
    open = null;
    early = [];
  };
  const result = parser.execute(bytes);
  const error = result instanceof Error ? result.code : null;
  // What ends with the connection is complete now; what is not over is told by `open`.
  if (isResponse && error === null) parser.finish();
  return { messages, error, open: open !== null };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(parse(Buffer.from(line, "base64"))) + "\n");
}
