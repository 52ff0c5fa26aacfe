// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertMatch } from "@std/assert";
import { copyFile, copyTree, open } from "../fs/mod.ts";
import { inFolder } from "./fs_folder.ts";
import { leakTest } from "./leak.ts";
import { patternBytes } from "./transfer.ts";

/** XFS takes no smaller disk; what is never written takes no room. */
const DISK_BYTES = 320 * 1024 * 1024;
const FILE_BYTES = 4_000_000;

for (const kind of ["btrfs", "xfs"]) {
  const reason = refusal(kind);
  const ignored = reason === undefined ? "" : ` (${reason})`;
  const test = (name: string, body: (disk: string) => Promise<void>) =>
    leakTest(`${kind}: ${name}${ignored}`, () => inDisk(kind, body), { ignore: ignored !== "" });

  test("copyFile() shares the blocks, until one of the files is written", async (disk) => {
    const data = patternBytes(FILE_BYTES);
    Deno.writeFileSync(`${disk}/a`, data);
    // One that was there, and is longer.
    Deno.writeFileSync(`${disk}/b`, patternBytes(FILE_BYTES + 100_000));
    await copyFile(`${disk}/a`, `${disk}/b`);
    assertSharing(`${disk}/a`, `${disk}/b`);
    assertEquals(Deno.readFileSync(`${disk}/b`), data);
    using copy = await open(`${disk}/b`, { write: true });
    await copy.writeAt(new Uint8Array(10), 0);
    assertEquals(Deno.readFileSync(`${disk}/a`), data);
    assertEquals(Deno.readFileSync(`${disk}/b`).subarray(0, 11), zerosThen(data[10]!));
  });

  test("copyTree() shares the blocks of every file", async (disk) => {
    Deno.mkdirSync(`${disk}/from/deep`, { recursive: true });
    const names = ["a", "deep/b"];
    for (const name of names) Deno.writeFileSync(`${disk}/from/${name}`, patternBytes(FILE_BYTES));
    await copyTree(`${disk}/from`, `${disk}/to`);
    for (const name of names) assertSharing(`${disk}/from/${name}`, `${disk}/to/${name}`);
  });

  test("copyFile() from another disk copies the bytes", async (disk) => {
    const data = patternBytes(FILE_BYTES);
    Deno.writeFileSync(`${disk}/../source`, data);
    await copyFile(`${disk}/../source`, `${disk}/copy`);
    assertEquals(Deno.readFileSync(`${disk}/copy`), data);
  });
}

/** The blocks of both files lie at the same places of the disk, and the disk says "shared". */
function assertSharing(one: string, other: string): void {
  const extents = extentsOf(one);
  for (const extent of extents) assertMatch(extent, /shared/);
  assertEquals(extentsOf(other), extents);
}

/** One line for each run of blocks: where it lies in the file and on the disk, and its flags. */
function extentsOf(path: string): string[] {
  const lines = run("filefrag", "-s", "-v", path).split("\n");
  return lines.filter((line) => /^\s*\d+:/.test(line));
}

function zerosThen(byte: number): Uint8Array {
  const bytes = new Uint8Array(11);
  bytes[10] = byte;
  return bytes;
}

/** Runs a body with a new disk of a kind whose files can share blocks. */
async function inDisk(kind: string, body: (disk: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const disk = mount(kind, folder);
    try {
      await body(disk);
    } finally {
      run("umount", disk);
    }
  });
}

/** Makes a disk in a file, and mounts it. */
function mount(kind: string, folder: string): string {
  const [image, disk] = [`${folder}/image`, `${folder}/disk`];
  Deno.mkdirSync(disk);
  Deno.writeFileSync(image, new Uint8Array());
  Deno.truncateSync(image, DISK_BYTES);
  run(`mkfs.${kind}`, "-q", image);
  run("mount", "-t", kind, "-o", "loop", image, disk);
  return disk;
}

/** Why there can be no such disk here; undefined where there can. Only a try tells. */
function refusal(kind: string): string | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "only root mounts";
  const folder = Deno.makeTempDirSync({ prefix: "photon-fs-" });
  try {
    run("umount", mount(kind, folder));
    run("filefrag", "-V");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** What a command writes. */
function run(program: string, ...args: string[]): string {
  let output;
  try {
    output = new Deno.Command(program, { args }).outputSync();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error(`${program} is not installed`);
    throw error;
  }
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout);
  throw new Error(`${program}: ${decoder.decode(output.stderr).trim().split("\n").at(-1)}`);
}
