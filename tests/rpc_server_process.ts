// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// A server to be killed: `deno run rpc_server_process.ts PORT LOG`. It says its port on standard
// output, and writes a line to LOG for each `blob` that it serves.
import { listen } from "../net/mod.ts";
import { implement, serve } from "../rpc/mod.ts";
import { everyHandler, everything } from "./rpc_services.ts";

const [port, log] = Deno.args;
const listener = listen({ hostname: "127.0.0.1", port: Number(port) });
serve(listener, [
  implement(everything, {
    ...everyHandler,
    async blob(request) {
      Deno.writeTextFileSync(log, `${request.data[0] + request.data[1] * 256}\n`, { append: true });
      await new Promise((resolve) => setTimeout(resolve, 1));
      return request;
    },
  }),
]);
await Deno.stdout.write(new TextEncoder().encode(`${listener.addr.port}\n`));
