// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import type { FileSystem, RandomAccessFile } from "../fs/file_system.ts";
import { readFullAt, readWhole, writeAllAt } from "../fs/whole_file.ts";
import { pattern } from "./fs_conformance.ts";

/** A file system that can be closed and opened again with what it has. */
export interface Restartable extends AsyncDisposable {
  /** The one that is open. */
  readonly system: FileSystem;
  /** The path of a file, by its name. */
  path(name: string): string;
  /** Closes and opens it; all its files are closed. */
  restart(): Promise<void>;
}

/** Sizes for {@linkcode assertLikeModel}. */
export interface RandomOptions {
  /** Histories. */
  runs: number;
  /** Operations of each. */
  operations: number;
  /** Where the files end at most. */
  byteLengthMax: number;
}

/**
 * Holds a file system against arrays of bytes: after each of many random operations both have the
 * same.
 */
export async function assertLikeModel(
  make: () => Promise<Restartable>,
  { runs, operations, byteLengthMax }: RandomOptions,
): Promise<void> {
  const length = { minLength: operations, maxLength: operations, size: "max" } as const;
  await fc.assert(
    fc.asyncProperty(fc.array(operation(byteLengthMax), length), async (history) => {
      await using subject = await make();
      const pair = new Pair(subject);
      for (const step of history) await pair.run(step);
      await pair.end();
    }),
    // A history of a fixed length has nothing to shrink; the seed brings it back.
    { numRuns: runs, endOnFailure: true },
  );
}

const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];

type Operation =
  | { kind: "read" | "punch"; name: Name; offset: number; byteLength: number }
  | { kind: "write"; name: Name; offset: number; byteLength: number; seed: number }
  | { kind: "truncate"; name: Name; byteLength: number }
  | { kind: "reopen" | "remove" | "whole"; name: Name }
  | { kind: "rename"; name: Name; to: Name }
  | { kind: "restart" };

function operation(byteLengthMax: number): fc.Arbitrary<Operation> {
  const name = fc.constantFrom(...NAMES);
  const offset = fc.nat(byteLengthMax - 1);
  const byteLength = fc.oneof(fc.nat(100), fc.nat(Math.floor(byteLengthMax / 2)));
  const kind = <K extends string>(value: K) => fc.constant(value);
  return fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: kind("read"), name, offset, byteLength }) },
    {
      weight: 6,
      arbitrary: fc.record({ kind: kind("write"), name, offset, byteLength, seed: fc.nat(255) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: kind("punch"), name, offset, byteLength }) },
    { weight: 2, arbitrary: fc.record({ kind: kind("truncate"), name, byteLength: offset }) },
    { weight: 3, arbitrary: fc.record({ kind: kind("whole"), name }) },
    { weight: 3, arbitrary: fc.record({ kind: kind("reopen"), name }) },
    { weight: 1, arbitrary: fc.record({ kind: kind("remove"), name }) },
    { weight: 2, arbitrary: fc.record({ kind: kind("rename"), name, to: name }) },
    { weight: 1, arbitrary: fc.record({ kind: kind("restart") }) },
  );
}

/** A file system and what has to be in it. */
class Pair {
  readonly #subject: Restartable;
  readonly #contents = new Map<Name, Uint8Array>();
  readonly #open = new Map<Name, RandomAccessFile>();

  constructor(subject: Restartable) {
    this.#subject = subject;
  }

  async run(step: Operation): Promise<void> {
    switch (step.kind) {
      case "read":
        return await this.#read(step.name, step.offset, step.byteLength);
      case "whole":
        return await this.#readWhole(step.name);
      case "write":
        await writeAllAt(
          await this.#file(step.name),
          pattern(step.byteLength, step.seed),
          step.offset,
        );
        if (step.byteLength === 0) return;
        this.#resize(step.name, step.offset + step.byteLength, Math.max);
        this.#contents.get(step.name)!.set(pattern(step.byteLength, step.seed), step.offset);
        return;
      case "punch":
        await (await this.#file(step.name)).punch(step.offset, step.byteLength);
        this.#contents.get(step.name)!.fill(0, step.offset, step.offset + step.byteLength);
        return;
      case "truncate":
        await (await this.#file(step.name)).truncate(step.byteLength);
        this.#resize(step.name, step.byteLength, (_, wanted) => wanted);
        return;
      case "reopen":
        return this.#close(step.name);
      case "remove":
        return await this.#remove(step.name);
      case "rename":
        return await this.#rename(step.name, step.to);
      case "restart":
        for (const name of NAMES) this.#close(name);
        return await this.#subject.restart();
    }
  }

  async end(): Promise<void> {
    for (const name of NAMES) {
      this.#close(name);
      await this.#readWhole(name);
    }
  }

  async #read(name: Name, offset: number, byteLength: number): Promise<void> {
    const into = new Uint8Array(byteLength);
    const count = await readFullAt(await this.#file(name), into, offset);
    const expected = this.#contents.get(name)!.subarray(offset, offset + byteLength);
    assertBytes(into.subarray(0, count), expected, `${name} at ${offset}`);
  }

  async #readWhole(name: Name): Promise<void> {
    const { system } = this.#subject;
    const path = this.#subject.path(name);
    const expected = this.#contents.get(name);
    if (expected === undefined) {
      await assertRejects(() => system.open(path), Deno.errors.NotFound);
    } else {
      assertBytes(await readWhole(system, path), expected, name);
      assertEquals((await system.stat(path)).size, expected.length);
    }
  }

  async #file(name: Name): Promise<RandomAccessFile> {
    let file = this.#open.get(name);
    if (file === undefined) {
      const options = { read: true, write: true, create: true };
      file = await this.#subject.system.open(this.#subject.path(name), options);
      this.#open.set(name, file);
      if (!this.#contents.has(name)) this.#contents.set(name, new Uint8Array());
    }
    return file;
  }

  async #remove(name: Name): Promise<void> {
    this.#close(name);
    if (!this.#contents.delete(name)) return;
    await this.#subject.system.remove(this.#subject.path(name));
  }

  /** Open files keep the name that they have now. */
  async #rename(name: Name, to: Name): Promise<void> {
    const content = this.#contents.get(name);
    if (content === undefined) return;
    await this.#subject.system.rename(this.#subject.path(name), this.#subject.path(to));
    if (name === to) return;
    this.#close(to);
    this.#contents.delete(name);
    this.#contents.set(to, content);
    const file = this.#open.get(name);
    this.#open.delete(name);
    if (file !== undefined) this.#open.set(to, file);
  }

  #close(name: Name): void {
    this.#open.get(name)?.close();
    this.#open.delete(name);
  }

  #resize(name: Name, wanted: number, choose: (now: number, wanted: number) => number): void {
    const before = this.#contents.get(name)!;
    const after = new Uint8Array(choose(before.length, wanted));
    after.set(before.subarray(0, after.length));
    this.#contents.set(name, after);
  }
}

/** The assertion of the standard library takes a second for a long array. */
function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assertEquals(actual.length, expected.length, `length of ${what}`);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  if (at >= 0) throw new Error(`${what}: byte ${at} is ${actual[at]}, not ${expected[at]}`);
}
