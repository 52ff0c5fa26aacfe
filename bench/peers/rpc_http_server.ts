// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening ${port}`),
}, async (request) => Response.json(await request.json()));
