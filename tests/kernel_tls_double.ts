// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { createCipheriv } from "node:crypto";
import { encodeCryptoInfo, type RecordKeys } from "../ffi/kernel_tls.ts";
import { writeAll } from "../io/byte_stream.ts";
import { sendByWrites } from "../net/send_file.ts";
import { UringStreamSocket } from "../net/uring_socket.ts";

/**
 * A kernel with TLS, until it is disposed of: sockets encrypt by what the kernel would be told,
 * read as it is laid out in linux/tls.h.
 */
export function kernelTlsDouble(): Disposable & { readonly sockets: number } {
  const real = UringStreamSocket.prototype.encrypt;
  const double = {
    sockets: 0,
    [Symbol.dispose]() {
      UringStreamSocket.prototype.encrypt = real;
    },
  };
  UringStreamSocket.prototype.encrypt = async function (keys: RecordKeys) {
    await this.stream.sender.drained();
    double.sockets++;
    encryptFromNowOn(this, new RecordMaker(encodeCryptoInfo(keys)));
    return true;
  };
  return double;
}

function encryptFromNowOn(socket: UringStreamSocket, maker: RecordMaker): void {
  const send = socket.write.bind(socket);
  const write = async (p: Uint8Array) => {
    const piece = p.subarray(0, RECORD_BYTES_MAX);
    await writeAll({ write: send }, maker.record(piece, APPLICATION_DATA));
    return piece.length;
  };
  Object.assign(socket, {
    write,
    writeNow: () => 0,
    sendFile: (part: Parameters<typeof socket.sendFile>[0]) => sendByWrites(part, write),
    sayGoodbye: () => writeAll({ write: send }, maker.record(CLOSE_NOTIFY, ALERT)),
  });
}

const RECORD_BYTES_MAX = 16_384;
const APPLICATION_DATA = 23;
const ALERT = 21;
const CLOSE_NOTIFY = new Uint8Array([1, 0]);
const TAG_BYTES = 16;

// Data: by the cipher's number in linux/tls.h.
// deno-fmt-ignore
const CIPHERS: Record<number, { name: string; keyBytes: number; ivBytes: number }> = {
  51: { name: "aes-128-gcm",       keyBytes: 16, ivBytes: 8 },
  52: { name: "aes-256-gcm",       keyBytes: 32, ivBytes: 8 },
  54: { name: "chacha20-poly1305", keyBytes: 32, ivBytes: 12 },
};

/** Makes records of TLS 1.3 (RFC 8446 section 5.2) by a `struct tls12_crypto_info_*`. */
class RecordMaker {
  readonly #name: string;
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  #sequence: bigint;

  constructor(info: Uint8Array<ArrayBuffer>) {
    const view = new DataView(info.buffer);
    if (view.getUint16(0, true) !== 0x304) throw new Error("This is not TLS 1.3");
    const { name, keyBytes, ivBytes } = CIPHERS[view.getUint16(2, true)];
    const [key, salt] = [4 + ivBytes, 4 + ivBytes + keyBytes];
    this.#name = name;
    this.#key = info.slice(key, salt);
    this.#nonce = new Uint8Array([...info.subarray(salt, info.length - 8), ...info.slice(4, key)]);
    this.#sequence = view.getBigUint64(info.length - 8);
  }

  /** One record of a type. */
  record(content: Uint8Array, type: number): Uint8Array {
    const nonce = this.#nonce.slice();
    const view = new DataView(nonce.buffer);
    view.setBigUint64(4, view.getBigUint64(4) ^ this.#sequence++);
    const length = content.length + 1 + TAG_BYTES;
    const head = new Uint8Array([APPLICATION_DATA, 3, 3, length >> 8, length & 0xff]);
    const cipher = createCipheriv(this.#name as "aes-128-gcm", this.#key, nonce);
    cipher.setAAD(head);
    const sealed = [cipher.update(content), cipher.update(new Uint8Array([type])), cipher.final()];
    return new Uint8Array([
      ...head,
      ...sealed.flatMap((part) => [...part]),
      ...cipher.getAuthTag(),
    ]);
  }
}
