// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The function that OpenSSL calls, within a handshake, with each secret that it derives, as a line
 * of the key log format: a name, the client's random, the secret.
 *
 * It keeps what {@linkcode secretOf} is asked for; secrets of calls outside of it are dropped.
 */
export function keyLogger(): Deno.PointerObject {
  return (logger ??= makeLogger()).pointer;
}

/** Makes a call; gives the secret of a name to `found`, if it was derived in the call. */
export function secretOf<T>(
  name: string,
  found: (secret: Uint8Array<ArrayBuffer>) => void,
  call: () => T,
): T {
  wanted = { name, found };
  try {
    return call();
  } finally {
    wanted = null;
  }
}

let logger: ReturnType<typeof makeLogger> | undefined;
let wanted: {
  readonly name: string;
  readonly found: (secret: Uint8Array<ArrayBuffer>) => void;
} | null = null;

function makeLogger() {
  return new Deno.UnsafeCallback(
    { parameters: ["pointer", "pointer"], result: "void" },
    (_ssl, line) => {
      if (line === null || wanted === null) return;
      const [name, _random, secret] = Deno.UnsafePointerView.getCString(line).split(" ");
      if (name === wanted.name) wanted.found(Uint8Array.fromHex(secret));
    },
  );
}
