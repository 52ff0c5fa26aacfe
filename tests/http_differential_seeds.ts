// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Requests from which the differential fuzz begins. */
// Data: one text each, an octet a character.
export const SEEDS: readonly string[] = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /path?query=1 HTTP/1.1\r\nHost: example.com:80\r\nAccept: */*\r\nX-Empty:\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
  "3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n",
  "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
  "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  "GET http://b/c HTTP/1.1\r\nHost: b\r\nCookie: a=1; b=2\r\n\r\n",
  "DELETE / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
  "PATCH / HTTP/1.1\r\nHost: [::1]:8000\r\nX-A: b  c\t\r\nx-a: \xe9\r\n\r\n",
];
