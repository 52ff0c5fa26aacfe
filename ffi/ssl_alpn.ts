// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The function that OpenSSL calls, within a handshake of a server, to choose a protocol of the
 * application (RFC 7301): there is no way to choose beforehand. It costs 0.5 us a handshake.
 *
 * It looks at what {@linkcode choosingFrom} was given, so only calls made within it may call back.
 */
export function alpnSelector(): Deno.PointerObject {
  return (selector ??= makeSelector()).pointer;
}

/** Makes a call, in which the first of `protocols` that the client has is chosen. */
export function choosingFrom<T>(protocols: readonly string[], call: () => T): T {
  choice = protocols;
  try {
    return call();
  } finally {
    choice = [];
  }
}

let selector: ReturnType<typeof makeSelector> | undefined;
let choice: readonly string[] = [];

const OK = 0;
/** Ends the handshake with the alert `no_application_protocol`. */
const ALERT_FATAL = 2;

function makeSelector() {
  return new Deno.UnsafeCallback(
    {
      parameters: ["pointer", "pointer", "pointer", "pointer", "u32", "pointer"],
      result: "i32",
    },
    (_ssl, out, outLength, offered, offeredLength, _argument) => {
      if (out === null || outLength === null || offered === null) return ALERT_FATAL;
      const list = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(offered, offeredLength));
      const found = findProtocol(list, choice);
      if (found < 0) return ALERT_FATAL;
      // The answer is a place in the client's own list.
      const address = BigInt(Deno.UnsafePointer.value(offered)) + BigInt(found + 1);
      new DataView(Deno.UnsafePointerView.getArrayBuffer(out, 8)).setBigUint64(0, address, true);
      new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(outLength, 1))[0] = list[found];
      return OK;
    },
  );
}

/**
 * Where in a client's list, each name with its length before it, the first of ours stands.
 *
 * @returns The place of the length, or -1 when the client has none of ours
 */
export function findProtocol(list: Uint8Array, protocols: readonly string[]): number {
  for (const protocol of protocols) {
    const name = new TextEncoder().encode(protocol);
    for (let start = 0; start < list.length; start += 1 + list[start]) {
      if (list[start] !== name.length) continue;
      if (name.every((byte, index) => list[start + 1 + index] === byte)) return start;
    }
  }
  return -1;
}
