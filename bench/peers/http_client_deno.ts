// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Deno's own `fetch`, for http_client_loop.mjs. The first argument may be `ca=PATH`.

import { measureHttp } from "./http_client_loop.mjs";

const [first = "", ...others] = Deno.args;
if (first.startsWith("ca=")) {
  const client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(first.slice(3))] });
  await measureHttp(others, (url: string) => fetch(url, { client }));
} else await measureHttp(Deno.args, (url: string) => fetch(url));
