// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CqeFlag, Op, SqeFlag } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { Ring, SQE_WORDS } from "../ffi/ring.ts";
import { closeDescriptor, openPipe, writeByte } from "../ffi/socket.ts";
import { BufferRing } from "../io/buffer_ring.ts";
import { callsOf, OLD_KERNELS, ringOnly } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";

const GROUP = 9;

leakTest("BufferRing gives the kernel every block in turn, past 65536 of them", () => {
  using pipe = new PipeReads(4);
  const { blocks } = pipe;
  for (let round = 0; round < 70_000; round++) {
    const { result, block } = pipe.read(round & 0xff);
    assertEquals(result, 1);
    assertEquals(block, round % 4);
    assertEquals(blocks.bytes[blocks.start(block)], round & 0xff);
    blocks.took();
    blocks.giveBack(block);
    blocks.publish();
  }
  assertEquals(blocks.out, 0);
}, ringOnly);

leakTest("BufferRing counts the blocks that readers hold, and the kernel has no more", () => {
  using pipe = new PipeReads(2);
  const { blocks } = pipe;
  for (const out of [1, 2]) {
    assertEquals(pipe.read(1).result, 1);
    blocks.took();
    assertEquals(blocks.out, out);
  }
  assertEquals(pipe.read(1).result, -Errno.ENOBUFS);
  for (const block of [1, 0]) blocks.giveBack(block);
  assertEquals(blocks.out, 0);
  // Given back is not yet shown: that is done once a turn.
  assertEquals(pipe.read(1).result, -Errno.ENOBUFS);
  blocks.publish();
  assertEquals(pipe.read(1).block, 1);
  assertEquals(pipe.read(1).block, 0);
}, ringOnly);

leakTest("BufferRing keeps its blocks apart", () => {
  using pipe = new PipeReads(8);
  const { blocks } = pipe;
  for (let byte = 0; byte < 8; byte++) pipe.read(byte + 1);
  const first = Array.from({ length: 8 }, (_, block) => blocks.bytes[blocks.start(block)]);
  assertEquals(first, [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals(blocks.bytes.length, 8 * blocks.blockBytes);
}, ringOnly);

leakTest("BufferRing throws with the code EINVAL where the kernel has none", () => {
  const kernel = OLD_KERNELS.find(({ version }) => version === "5.18")!;
  using ring = Ring.open({ submissions: 8, completions: 16, calls: callsOf(kernel) });
  const error = assertThrows(() => new BufferRing(ring, GROUP, 2, 64), Error);
  assertEquals((error as Error & { code: string }).code, "EINVAL");
}, ringOnly);

/** A ring whose reads from a pipe land in a block of the kernel's choice. */
class PipeReads implements Disposable {
  readonly #ring = Ring.open({ submissions: 8, completions: 16 });
  readonly #pipe = openPipe();
  readonly blocks: BufferRing;

  constructor(count: number) {
    this.blocks = new BufferRing(this.#ring, GROUP, count, 64);
  }

  /** Puts a byte into the pipe and reads it back. */
  read(byte: number): { result: number; block: number } {
    const [reader, writer] = this.#pipe;
    writeByte(writer, byte);
    const ring = this.#ring;
    const at = ring.sqe();
    ring.sqes.fill(0, at, at + SQE_WORDS);
    ring.sqes[at] = Op.READ | SqeFlag.BUFFER_SELECT << 8;
    ring.sqes[at + 1] = reader;
    ring.sqes[at + 2] = ring.sqes[at + 3] = 0xffff_ffff;
    ring.sqes[at + 6] = 1;
    ring.sqes[at + 10] = GROUP;
    ring.submit(1, 1e6);
    const completion = { result: 0, block: -1 };
    const count = ring.reap((_low, _high, result, flags) => {
      completion.result = result;
      if (flags & CqeFlag.BUFFER) completion.block = flags >>> 16;
    });
    assert(count === 1, `${count} completions`);
    return completion;
  }

  [Symbol.dispose](): void {
    this.#ring[Symbol.dispose]();
    this.#pipe.forEach(closeDescriptor);
  }
}
