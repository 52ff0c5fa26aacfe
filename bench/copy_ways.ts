// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CqeFlag, Op } from "../ffi/abi.ts";
import type { BulkBlock } from "../io/bulk_blocks.ts";
import { openEngine } from "../io/engine_info.ts";
import { openPipe } from "../io/pipe.ts";

// Ways to move bytes on the ring that `copy` and `sendFile` might have taken. Each moves all that
// comes from one descriptor to another, and nothing else may use either.

const MSG_NOSIGNAL = 0x4000;
const MSG_WAITALL = 0x100;
const SEND_FLAGS = MSG_NOSIGNAL | MSG_WAITALL;
const SPLICE_F_MOVE = 1;
/** What a pipe holds unless it is told otherwise. */
const PIPE_BYTES = 65_536;
const NOWHERE = 0xffff_ffff;

/** Receives into a block and sends from it. */
export async function copyByBlocks(
  source: number,
  destination: number,
  byteLength: number,
): Promise<void> {
  using block = takeBlock();
  const { addressLow, addressHigh } = block;
  for (;;) {
    const count = await operate(Op.RECV, source, 0, 0, addressLow, addressHigh, byteLength, 0);
    if (count === 0) return;
    await send(Op.SEND, destination, block, count);
  }
}

/** Reads a file into a block and sends from it, with or without the kernel's copy. */
export async function sendByBlocks(
  op: typeof Op.SEND | typeof Op.SEND_ZC,
  file: number,
  destination: number,
  byteLength: number,
): Promise<void> {
  using block = takeBlock();
  const { addressLow, addressHigh } = block;
  for (let at = 0;;) {
    const count = await operate(Op.READ, file, at, 0, addressLow, addressHigh, byteLength, 0);
    if (count === 0) return;
    await send(op, destination, block, count);
    at += count;
  }
}

/** Splices through a pipe; the ring has workers of the kernel do it. */
export async function copyBySplice(
  source: number,
  destination: number,
  isFile: boolean,
): Promise<void> {
  using pipe = openPipe();
  for (let at = 0;;) {
    const from = isFile ? at : NOWHERE;
    const count = await splice(source, from, pipe.writer.fd, PIPE_BYTES);
    if (count === 0) return;
    at += count;
    for (let left = count; left > 0;) {
      left -= await splice(pipe.reader.fd, NOWHERE, destination, left);
    }
  }
}

function takeBlock(): BulkBlock {
  const block = openEngine().pool.bulk.take();
  if (block === null) throw new Deno.errors.Busy("Cannot take a block: all are in use");
  return block;
}

/** A zero-copy send completes twice; the block is free after the second time. */
function send(op: number, fd: number, block: BulkBlock, byteLength: number): Promise<number> {
  const { addressLow, addressHigh } = block;
  return operate(op, fd, 0, 0, addressLow, addressHigh, byteLength, SEND_FLAGS);
}

function splice(fromFd: number, from: number, toFd: number, byteLength: number): Promise<number> {
  const fromHigh = from === NOWHERE ? NOWHERE : 0;
  const fields = [NOWHERE, NOWHERE, from, fromHigh, byteLength, SPLICE_F_MOVE, 0, fromFd] as const;
  return operate(Op.SPLICE, toFd, ...fields);
}

type Fields = Parameters<ReturnType<typeof openEngine>["submit"]> extends
  [unknown, unknown, ...infer Rest] ? Rest : never;

function operate(...fields: Fields): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0;
    const complete = (result: number, flags: number) => {
      if (result < 0) return reject(new Error(`Cannot move bytes: the kernel said ${result}`));
      count = Math.max(count, result);
      if ((flags & CqeFlag.MORE) === 0) resolve(count);
    };
    openEngine().submit({ complete }, true, ...fields);
  });
}
