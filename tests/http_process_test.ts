// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertMatch } from "@std/assert";
import { REPOSITORY, runProgram } from "./subprocess.ts";

const OURS = `import { serve } from "${new URL("http/mod.ts", REPOSITORY)}";`;

/** A program that answers one request and goes on as `rest` says. */
function program(head: string, rest: string): string {
  return `${head}
const server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ok"));
const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
conn.unref();
await conn.write(new TextEncoder().encode("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"));
await conn.read(new Uint8Array(1000));
${rest}`;
}

for (const [label, head] of [["Photon", OURS], ["Deno", "const { serve } = Deno;"]] as const) {
  Deno.test(`[${label}] server.unref() lets the process end beside a connection`, async () => {
    const { code, stderr } = await runProgram(program(head, "server.unref();"), ["-A"]);
    assertEquals([code, stderr], [0, ""]);
  });

  Deno.test(`[${label}] server.shutdown() lets the process end`, async () => {
    const { code, stderr } = await runProgram(program(head, "await server.shutdown();"), ["-A"]);
    assertEquals([code, stderr], [0, ""]);
  });

  Deno.test(`[${label}] serve() says where it listens, and what a handler throws`, async () => {
    const source = `${head}
const fail = () => { throw new Error("on purpose"); };
const server = serve({ hostname: "127.0.0.1", port: 0 }, fail);
const response = await fetch("http://127.0.0.1:" + server.addr.port);
console.log(response.status, await response.text(), response.headers.has("content-type"));
await server.shutdown();`;
    const { code, stdout, stderr } = await runProgram(source, ["-A"]);
    assertEquals([code, stdout], [0, "500 Internal Server Error false\n"]);
    // With --quiet Deno does not say where it listens.
    const listening = /^(?:Listening on http:\/\/127\.0\.0\.1:\d+\/\n)?/.source;
    assertMatch(stderr, new RegExp(`${listening}Error: on purpose\\n`));
  });

  Deno.test(`[${label}] serve() needs net permission for its address`, async () => {
    const source = `${head}
try {
  serve({ hostname: "127.0.0.1", port: 8123 }, () => new Response());
} catch (error) {
  console.log(error.name, error.message);
}`;
    const { stdout } = await runProgram(source, ["--allow-ffi", "--allow-read", "--allow-env"]);
    assertEquals(
      stdout,
      'NotCapable Requires net access to "127.0.0.1:8123", run again with the --allow-net flag\n',
    );
  });
}
