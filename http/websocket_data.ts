// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { WebSocketData } from "./websocket_decoder.ts";

/** A longer buffer is not kept from being collected. */
const KEPT_BYTES_MAX = 65_536;

// A buffer that is sent was mostly just received, or is sent to many: it has a view already.
let lastBuffer: ArrayBuffer | null = null;
let lastView: Uint8Array = new Uint8Array();

/** What a handler is given of a message. */
export function givenAs(
  data: WebSocketData,
  binaryType: BinaryType,
): string | Blob | ArrayBuffer {
  if (typeof data === "string") return data;
  if (binaryType === "blob") return new Blob([data]);
  const { buffer } = data;
  note(buffer, data);
  return buffer;
}

/** The bytes of what is to be sent; null for what is none. */
export function viewOf(data: unknown): Uint8Array | null {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) {
    // One that was given away has no length any more, and is refused by its constructor.
    const isKnown = data === lastBuffer && lastView.length === data.byteLength &&
      lastView.length > 0;
    if (isKnown) return lastView;
    const view = new Uint8Array(data);
    note(data, view);
    return view;
  }
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  return data instanceof SharedArrayBuffer ? new Uint8Array(data) : null;
}

function note(buffer: ArrayBuffer, view: Uint8Array): void {
  if (view.length > KEPT_BYTES_MAX) return;
  lastBuffer = buffer;
  lastView = view;
}
