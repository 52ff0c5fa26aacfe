// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A peer that sends whatever frames it is told, right or wrong, over Deno's own connections; what
// it knows of the protocol it does not have from the library.

import { createHash } from "node:crypto";
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";

/** What came from the other side. */
export type Received =
  | { readonly kind: "message"; readonly text?: string; readonly bytes: Uint8Array }
  | { readonly kind: "ping" | "pong"; readonly bytes: Uint8Array }
  | { readonly kind: "close"; readonly code: number; readonly reason: string }
  | { readonly kind: "end" };

/** How a frame is sent. */
export interface FrameOptions {
  /** The last of its message; true by default. */
  fin?: boolean;
  /** The three reserved bits as a number. */
  rsv?: number;
  /** Octets of a write; all by default. */
  chop?: number;
  /** Octets at its end that are not sent. */
  withheld?: number;
  /** Whether it is masked; by default as the role has it. */
  masked?: boolean;
}

/** How a {@linkcode WebSocketPeer} compresses what it sends, and expects what it gets. */
export interface PeerDeflate {
  /** Bits of the window for what is sent. */
  readonly sendBits: number;
  /** Whether each message that is sent is compressed by itself. */
  readonly sendAlone: boolean;
  /** Bits of the window of what is received. */
  readonly receiveBits: number;
  /** Whether each message that is received is by itself. */
  readonly receiveAlone: boolean;
}

const HANDSHAKE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const READ_BYTES = 262_144;
const TAIL = new Uint8Array([0, 0, 0xff, 0xff]);
const encoder = new TextEncoder();

/** One side of a WebSocket, frame by frame. */
export class WebSocketPeer implements Disposable {
  /** The other side's part of the handshake. */
  readonly head: string;
  readonly #conn: Deno.Conn;
  readonly #isClient: boolean;
  #kept: Uint8Array;
  #ended = false;
  #closed = false;
  #deflate: PeerDeflate | null = null;
  #deflater: RawCodec | null = null;
  #inflater: RawCodec | null = null;

  /** Takes over a connection behind its handshake. */
  constructor(conn: Deno.TcpConn, isClient: boolean, [head, rest]: [string, Uint8Array]) {
    // With Nagle's algorithm each fragment but the first would wait 40 ms for an acknowledgement.
    conn.setNoDelay();
    this.#conn = conn;
    this.#isClient = isClient;
    this.head = head;
    this.#kept = rest;
  }

  /** Connects to a server on this machine. */
  static async open(port: number, ...lines: string[]): Promise<WebSocketPeer> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const request = [
      ...["GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"],
      ...[`Sec-WebSocket-Key: ${HANDSHAKE_KEY}`, "Sec-WebSocket-Version: 13", ...lines, "", ""],
    ];
    await writeAll(conn, encoder.encode(request.join("\r\n")));
    return new WebSocketPeer(conn, true, await readHead(conn));
  }

  /** Answers a client's handshake; `lines` gives further fields, by the request's head. */
  static async accept(
    conn: Deno.TcpConn,
    lines: (head: string) => string[] = () => [],
  ): Promise<WebSocketPeer> {
    const [head, rest] = await readHead(conn);
    const key = /^sec-websocket-key: (.*)$/mi.exec(head)![1]!.trim();
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    const response = [
      ...["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"],
      ...[`Sec-WebSocket-Accept: ${accept.digest("base64")}`, ...lines(head), "", ""],
    ];
    await writeAll(conn, encoder.encode(response.join("\r\n")));
    return new WebSocketPeer(conn, false, [head, rest]);
  }

  /** Compresses from now on. */
  compress(deflate: PeerDeflate): void {
    this.#deflate = deflate;
  }

  /** Sends a frame. */
  async frame(
    opcode: number,
    payload: string | Uint8Array = "",
    options: FrameOptions = {},
  ): Promise<void> {
    const { chop = Infinity, withheld = 0 } = options;
    const whole = this.frameBytes(opcode, payload, options);
    const bytes = whole.subarray(0, whole.length - withheld);
    for (let at = 0; at < bytes.length; at += chop) {
      await writeAll(this.#conn, bytes.subarray(at, Math.min(at + chop, bytes.length)));
    }
  }

  /** A frame as it travels. */
  frameBytes(
    opcode: number,
    payload: string | Uint8Array = "",
    { fin = true, rsv = 0, masked = this.#isClient }: FrameOptions = {},
  ): Uint8Array {
    const content = typeof payload === "string" ? encoder.encode(payload) : payload;
    const { length } = content;
    const wide = length > 65_535 ? 8 : length > 125 ? 2 : 0;
    const head = 2 + wide + (masked ? 4 : 0);
    const bytes = new Uint8Array(head + length);
    const view = new DataView(bytes.buffer);
    bytes[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
    bytes[1] = (masked ? 0x80 : 0) | (wide === 8 ? 127 : wide === 2 ? 126 : length);
    if (wide === 2) view.setUint16(2, length);
    if (wide === 8) view.setBigUint64(2, BigInt(length));
    bytes.set(content, head);
    if (masked) {
      const key = crypto.getRandomValues(bytes.subarray(head - 4, head));
      for (let i = 0; i < length; i++) bytes[head + i]! ^= key[i & 3]!;
    }
    return bytes;
  }

  /** Sends octets as they are. */
  raw(bytes: Uint8Array): Promise<void> {
    return writeAll(this.#conn, bytes);
  }

  /** Sends a message compressed, in fragments of so many octets. */
  async sendCompressed(opcode: number, bytes: Uint8Array, fragment = Infinity): Promise<void> {
    const { sendBits, sendAlone } = this.#deflate!;
    // zlib has no raw window of 256: what is sent within 512 has to be short enough to fit.
    const codec = this.#deflater ??= new RawCodec(
      createDeflateRaw({ windowBits: Math.max(9, sendBits) }),
    );
    const deflated = (await codec.run(bytes)).subarray(0, -4);
    if (sendAlone) this.#deflater = codec.close();
    for (let at = 0; at === 0 || at < deflated.length; at += fragment) {
      const end = Math.min(at + fragment, deflated.length);
      await this.frame(at === 0 ? opcode : 0, deflated.subarray(at, end), {
        fin: end === deflated.length,
        rsv: at === 0 ? 4 : 0,
      });
    }
  }

  /** The next message, control frame, or the end. */
  async next(): Promise<Received> {
    const pieces: Uint8Array[] = [];
    let opcode = 0;
    let compressed = false;
    for (;;) {
      const head = await this.#take(2);
      if (head === null) return { kind: "end" };
      const [first, second] = head as unknown as [number, number];
      if ((second & 0x80) !== 0 === this.#isClient) throw new Error("Frame is masked wrongly");
      if ((first & 0x30) !== 0) throw new Error("Frame has reserved bits");
      const payload = await this.#payload(second);
      const frame = first & 0x0f;
      if (frame >= 8) {
        if (first !== (0x80 | frame) || payload.length > 125) throw new Error("Bad control frame");
        return control(frame, payload);
      }
      if ((frame === 0) !== (opcode !== 0)) throw new Error("Frame out of order");
      if (frame !== 0) {
        opcode = frame;
        compressed = (first & 0x40) !== 0;
        if (compressed && this.#deflate === null) throw new Error("Compression was not agreed on");
      }
      pieces.push(payload);
      if ((first & 0x80) === 0) continue;
      const joined = pieces.length === 1
        ? pieces[0]!
        : new Uint8Array(pieces.flatMap((p) => [...p]));
      const bytes = compressed ? await this.#inflate(joined) : joined;
      if (opcode === 2) return { kind: "message", bytes };
      return { kind: "message", bytes, text: new TextDecoder("utf-8", STRICT).decode(bytes) };
    }
  }

  /** Ends the writing half. */
  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#deflater?.close();
    this.#inflater?.close();
    if (!this.#closed) this.#conn.close();
    this.#closed = true;
  }

  async #inflate(bytes: Uint8Array): Promise<Uint8Array> {
    const { receiveBits, receiveAlone } = this.#deflate!;
    const codec = this.#inflater ??= new RawCodec(createInflateRaw({ windowBits: receiveBits }));
    const whole = new Uint8Array(bytes.length + TAIL.length);
    whole.set(bytes);
    whole.set(TAIL, bytes.length);
    const inflated = await codec.run(whole);
    if (receiveAlone) this.#inflater = codec.close();
    return inflated;
  }

  async #payload(second: number): Promise<Uint8Array> {
    const short = second & 0x7f;
    let length = short;
    if (short >= 126) {
      const bytes = (await this.#take(short === 126 ? 2 : 8))!;
      length = bytes.reduce((value, byte) => value * 256 + byte, 0);
    }
    const key = second & 0x80 ? (await this.#take(4))!.slice() : null;
    const payload = (await this.#take(length))!;
    if (key) { for (let i = 0; i < length; i++) payload[i]! ^= key[i & 3]!; }
    return payload;
  }

  /** So many octets; null at the end of the connection. */
  async #take(length: number): Promise<Uint8Array | null> {
    let bytes = this.#kept;
    let filled = bytes.length;
    if (filled < length) {
      const larger = new Uint8Array(length + READ_BYTES);
      larger.set(bytes);
      bytes = larger;
      while (filled < length) {
        const count = await this.#read(bytes.subarray(filled));
        if (count === null) return null;
        filled += count;
      }
    }
    this.#kept = bytes.subarray(length, filled);
    return bytes.subarray(0, length);
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    if (this.#ended) return null;
    try {
      const count = await this.#conn.read(buffer);
      if (count === null) this.#ended = true;
      return count;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      this.#ended = true;
      return null;
    }
  }
}

const STRICT = { fatal: true, ignoreBOM: true };

function control(opcode: number, payload: Uint8Array): Received {
  const bytes = payload.slice();
  if (opcode !== 8) return { kind: opcode === 9 ? "ping" : "pong", bytes };
  const code = bytes.length === 0 ? 1005 : bytes[0]! << 8 | bytes[1]!;
  return { kind: "close", code, reason: new TextDecoder().decode(bytes.subarray(2)) };
}

/** A stream of zlib that is flushed behind each message. */
class RawCodec {
  readonly #stream: ReturnType<typeof createDeflateRaw> | ReturnType<typeof createInflateRaw>;
  #pieces: Uint8Array[] = [];

  constructor(stream: ReturnType<typeof createDeflateRaw> | ReturnType<typeof createInflateRaw>) {
    this.#stream = stream;
    stream.on("data", (piece: Uint8Array) => this.#pieces.push(piece));
  }

  async run(bytes: Uint8Array): Promise<Uint8Array> {
    this.#pieces = [];
    await new Promise<void>((resolve, reject) => {
      this.#stream.once("error", reject);
      this.#stream.write(bytes);
      this.#stream.flush(constants.Z_SYNC_FLUSH, () => {
        this.#stream.off("error", reject);
        resolve();
      });
    });
    const length = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
    const all = new Uint8Array(length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  close(): null {
    this.#stream.close();
    return null;
  }
}

async function readHead(conn: Deno.Conn): Promise<[string, Uint8Array]> {
  const bytes = new Uint8Array(65_536);
  for (let length = 0;;) {
    const count = await conn.read(bytes.subarray(length));
    if (count === null) throw new Error("The handshake broke off");
    length += count;
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return [text.slice(0, end), bytes.slice(end + 4, length)];
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
