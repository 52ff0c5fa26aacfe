// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { measureCalls } from "./rpc_loop.ts";

await measureCalls(Deno.args, (port) => {
  const url = `http://127.0.0.1:${port}/`;
  const decoder = new TextDecoder();
  return Promise.resolve(async (data) => {
    const body = JSON.stringify({ data: decoder.decode(data) });
    const response = await fetch(url, { method: "POST", body });
    await response.json();
  });
});
