// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { connect } from "../../net/mod.ts";
import { RpcChannel } from "../../rpc/mod.ts";
import { echo } from "./rpc_echo.ts";
import { measureCalls } from "./rpc_loop.ts";

await measureCalls(Deno.args, async (port) => {
  const client = new RpcChannel(await connect({ hostname: "127.0.0.1", port })).client(echo);
  return async (data) => {
    const reply = await client.echo({ data });
    if (reply.data.length !== data.length) throw new Error("Cannot measure: a reply is cut");
  };
});
