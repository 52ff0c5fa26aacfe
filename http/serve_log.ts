// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const encoder = new TextEncoder();

/** Says a line on standard error, as `Deno.serve` does where no callback was given for it. */
export function say(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  for (let sent = 0; sent < bytes.length;) sent += Deno.stderr.writeSync(bytes.subarray(sent));
}

/** Where a server listens, as a line to click on. */
export function listeningLine(addr: Deno.Addr, scheme: string): string {
  if (!("hostname" in addr)) return `Listening on ${"path" in addr ? addr.path : addr.transport}`;
  const { hostname, port } = addr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const anywhere = hostname === "0.0.0.0" || hostname === "::";
  const helper = anywhere ? ` (${scheme}://localhost:${port}/)` : "";
  return `Listening on ${scheme}://${host}:${port}/${helper}`;
}
