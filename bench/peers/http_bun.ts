// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// HTTP server on Bun's `Bun.serve`.

import { answer } from "./http_answer.ts";

/** The part of the global `Bun` that is used; its full types are a package of their own. */
declare const Bun: {
  readonly version: string;
  serve(options: {
    hostname: string;
    port: number;
    fetch: (request: Request) => Response | Promise<Response>;
  }): { port: number };
};

const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
console.log(`listening ${server.port} Bun ${Bun.version}`);
