// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Bun's own `fetch`, for http_client_loop.mjs. The first argument may be `ca=PATH`.

import { readFileSync } from "node:fs";
import process from "node:process";
import { measureHttp } from "./http_client_loop.mjs";

const [first = "", ...others] = process.argv.slice(2);
if (first.startsWith("ca=")) {
  const tls = { ca: readFileSync(first.slice(3), "utf8") };
  await measureHttp(others, (url) => fetch(url, { tls }));
} else await measureHttp([first, ...others], (url) => fetch(url));
