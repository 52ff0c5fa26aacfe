// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { isNotNow, osError } from "../ffi/errno.ts";
import { fileSize, isCached, sendFileNow } from "../ffi/send_file.ts";
import { sendNow } from "../ffi/socket.ts";
import type { BulkBlock } from "../io/bulk_blocks.ts";
import { denoReadAt } from "../io/deno_file.ts";
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { DirectSender } from "../io/direct_transfer.ts";
import type { Engine } from "../io/engine.ts";
import type { FdStream } from "../io/fd_stream.ts";
import type { FileHandle } from "../io/file_handle.ts";
import type { DenoSender } from "./deno_sender.ts";
import type { FilePart } from "./stream_socket.ts";
import { IdleLimit, within } from "./time_limit.ts";

/** Bytes of a file that are read and sent at a time. */
const FILE_BYTES_AT_A_TIME = 262_144;
/** Bytes of a file in memory that one call of sendfile(2) is asked to send: 0.2 ms or so. */
const CACHED_BYTES_PER_CALL = 524_288;
/** Files up to this size are sent as soon as they are answered with: 10 us or so for 64 KiB. */
const SHORT_FILE_BYTES_MAX = 131_072;
/** Bytes of a file that are looked for in memory at a time. */
const CACHED_BYTES_AT_A_TIME = 8_388_608;
/** The same on the portable engine, which takes no more with one write. */
const DENO_BYTES_AT_A_TIME = 65_536;

/**
 * Checks what part of a file is to be sent.
 *
 * @throws {TypeError} when there is no file
 * @throws {RangeError} when `offset` or `length` is negative or no integer
 */
export function checkFilePart(file: FileHandle, offset: number, length: number): void {
  if (!Number.isInteger(file?.fd)) {
    throw new TypeError("Cannot send file: it must have a descriptor, `fd`");
  }
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new RangeError(
      `Cannot send file: offset must be an integer of at least 0, received ${offset}`,
    );
  }
  if (length !== Infinity && (!Number.isSafeInteger(length) || length < 0)) {
    throw new RangeError(
      `Cannot send file: length must be an integer of at least 0, or Infinity, received ${length}`,
    );
  }
}

/**
 * Sends part of a file on the ring.
 *
 * What is in memory of the file goes by sendfile(2), in calls that never wait; cachestat(2) (6.5)
 * tells, for sendfile(2) would stop the thread while a disk is read. All else is read by the ring
 * into a bulk block and sent from it, one after the other. The block is given back before it waits
 * for the peer, and what did not fit is read again: any number of slow peers hold no memory.
 *
 * Measured with a file in the page cache and a C sink over loopback on two cores, median of three
 * runs of 2 GB (Linux 6.18):
 *
 * | way                                        |  GB/s | CPU ms per GB |
 * | ------------------------------------------ | ----: | ------------: |
 * | `Deno.FsFile.read` and `write`, 64 KiB     |   0.7 |          1130 |
 * | io_uring's SPLICE, 64 KiB (kernel workers) |   1.7 |           790 |
 * | io_uring's SPLICE, 1 MiB (kernel workers)  |   3.2 |           260 |
 * | read and send, blocks of 64 KiB            |   2.4 |           430 |
 * | **read and send, blocks of 256 KiB**       |   3.2 |           300 |
 * | read and send, blocks of 1 MiB             |   2.9 |           300 |
 * | read and zero-copy send, blocks of 1 MiB   |   2.3 |           380 |
 * | **sendfile(2), 1 MiB**                     |   4.3 |           220 |
 *
 * SPLICE of a mebibyte takes two descriptors, a mebibyte of pipe and, while its peer is slow, a
 * thread of the kernel per transfer.
 */
export async function uringSendFile(
  engine: Engine,
  stream: FdStream,
  part: FilePart,
): Promise<number> {
  const { length, timeoutMs } = part;
  using sender = await within(
    timeoutMs,
    "write",
    part,
    (limit) => DirectSender.borrow(engine, stream, limit),
  );
  const cached = new CachedFile(part);
  let sent = 0;
  while (sent < length) {
    part.signal?.throwIfAborted();
    const [read, taken] = cached.has(sent)
      ? await sendCached(engine, stream.fd, sender, part, cached.until - sent, sent)
      : await sendPiece(engine, sender, part, sent);
    if (read === 0) break;
    sent += taken;
    if (taken < read) await within(timeoutMs, "write", part, (limit) => sender.writable(limit));
  }
  return sent;
}

/**
 * Sends part of a file by writes, for those who have to see the bytes: encrypted connections. On
 * the ring it is read there, elsewhere by Deno.
 *
 * @param write Writes some of a piece and says how many bytes
 * @returns How many bytes were sent
 */
export async function sendByWrites(
  part: FilePart,
  write: (piece: Uint8Array, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const { file, offset, length, signal, timeoutMs } = part;
  const bytes = new Uint8Array(Math.min(DENO_BYTES_AT_A_TIME, length));
  using limit = new IdleLimit(timeoutMs, "write", signal);
  let sent = 0;
  while (sent < length) {
    const wanted = Math.min(DENO_BYTES_AT_A_TIME, length - sent);
    const read = await readPiece(file.fd, offset + sent, bytes.subarray(0, wanted), signal);
    if (read === 0) break;
    for (let written = 0; written < read;) {
      limit.restart();
      written += await write(bytes.subarray(written, read), limit.signal);
    }
    sent += read;
  }
  return sent;
}

/**
 * Sends a head and as much of a file behind it as the socket takes, in calls that never wait.
 *
 * @returns How many bytes of the file left; -1 when nothing did, for others send, or the file is
 *   not in memory
 */
export function sendFileAtOnce(
  engine: Engine,
  stream: FdStream,
  head: Uint8Array,
  { file, offset, length }: Pick<FilePart, "file" | "offset" | "length">,
): number {
  const { sender, fd } = stream;
  if (stream.closed || sender.busy || sender.awaited || length > CACHED_BYTES_PER_CALL) return -1;
  if (!isCached(file.fd, offset, length)) return -1;
  // A short file takes no longer than the handler that gave it; others have a budget.
  if (length > SHORT_FILE_BYTES_MAX && !engine.direct.take()) return -1;
  const sent = sendNow(fd, head, head.length, true);
  if (sent <= 0) return -1;
  if (sent < head.length) {
    sender.offer(head.subarray(sent));
    return 0;
  }
  return Math.max(0, sendFileNow(fd, file.fd, offset, length));
}

/** Reads a piece on whichever engine runs; a block of the ring's is held for the read alone. */
async function readPiece(
  fd: number,
  position: number,
  piece: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (engineInfo().engine !== "uring") return await denoReadAt(fd, position, piece);
  const engine = openEngine();
  using block = await engine.pool.bulk.takeSoon(signal);
  const read = await readAt(engine, fd, position, block, piece.length);
  piece.set(block.bytes.subarray(0, read));
  return read;
}

/** Which part of a file is known to be in memory. */
class CachedFile {
  /** Bytes behind the offset of the part up to which it is. */
  until = 0;
  readonly #part: FilePart;
  readonly #size: number;

  constructor(part: FilePart) {
    this.#part = part;
    this.#size = Math.min(fileSize(part.file.fd) - part.offset, part.length);
  }

  /** Whether the bytes behind `sent` are in memory, as far as {@linkcode until}. */
  has(sent: number): boolean {
    if (sent < this.until) return true;
    const wanted = Math.min(CACHED_BYTES_AT_A_TIME, this.#size - sent);
    const { file, offset } = this.#part;
    if (wanted <= 0 || !isCached(file.fd, offset + sent, wanted)) return false;
    this.until = sent + wanted;
    return true;
  }
}

/** Sends a piece that is in memory by a call that never waits; as {@linkcode sendPiece} says. */
async function sendCached(
  engine: Engine,
  socket: number,
  sender: DirectSender,
  part: FilePart,
  byteLength: number,
  sent: number,
): Promise<[read: number, taken: number]> {
  while (!engine.direct.take()) await nextRound(engine);
  sender.check();
  const wanted = Math.min(CACHED_BYTES_PER_CALL, byteLength);
  const taken = sendFileNow(socket, part.file.fd, part.offset + sent, wanted);
  if (taken >= 0) return [taken === 0 ? 0 : wanted, taken];
  if (isNotNow(taken)) return [wanted, 0];
  throw sender.failed(osError(-taken, "sendfile"));
}

function nextRound(engine: Engine): Promise<void> {
  return new Promise((flush) => engine.flushLater({ flush: () => flush() }));
}

/** Sends part of a file with Deno's own API. */
export async function denoSendFile(sender: DenoSender, part: FilePart): Promise<number> {
  const { file, offset, length, signal, timeoutMs } = part;
  const bytes = new Uint8Array(Math.min(DENO_BYTES_AT_A_TIME, length));
  using limit = new IdleLimit(timeoutMs, "write", signal);
  return await sender.writePieces(async (sent) => {
    limit.restart();
    const wanted = Math.min(bytes.length, length - sent);
    return bytes.subarray(0, await denoReadAt(file.fd, offset + sent, bytes.subarray(0, wanted)));
  }, limit.signal);
}

/** Reads the next piece and sends what there is room for; the two counts. */
async function sendPiece(
  engine: Engine,
  sender: DirectSender,
  part: FilePart,
  sent: number,
): Promise<[read: number, taken: number]> {
  const { file, offset, length, signal } = part;
  const wanted = Math.min(FILE_BYTES_AT_A_TIME, length - sent);
  using block = await engine.pool.bulk.takeSoon(signal);
  const read = await readAt(engine, file.fd, offset + sent, block, wanted);
  signal?.throwIfAborted();
  return [read, read === 0 ? 0 : await sender.send(block, read)];
}

function readAt(
  engine: Engine,
  fd: number,
  position: number,
  block: BulkBlock,
  byteLength: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const complete = (result: number) => {
      if (result >= 0) resolve(result);
      else reject(osError(-result, "read"));
    };
    engine.submit(
      { complete },
      true,
      Op.READ,
      fd,
      position % HALF,
      Math.floor(position / HALF),
      block.addressLow,
      block.addressHigh,
      byteLength,
      0,
    );
  });
}

const HALF = 2 ** 32;
