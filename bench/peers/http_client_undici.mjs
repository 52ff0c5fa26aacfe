// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `fetch` of undici in Node, for http_client_loop.mjs: its folder, then maybe `ca=PATH`.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { measureHttp } from "./http_client_loop.mjs";

const [folder, first = "", ...others] = process.argv.slice(2);
const { Agent, fetch } = createRequire(import.meta.url)(folder);
if (first.startsWith("ca=")) {
  const dispatcher = new Agent({ connect: { ca: readFileSync(first.slice(3), "utf8") } });
  await measureHttp(others, (url) => fetch(url, { dispatcher }));
} else await measureHttp([first, ...others], (url) => fetch(url));
