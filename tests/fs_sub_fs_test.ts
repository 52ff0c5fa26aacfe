// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { SubFs } from "../fs/sub_fs.ts";
import { readWhole, writeWhole } from "../fs/whole_file.ts";
import { engineInfo } from "../io/engine_info.ts";
import { testConformance } from "./fs_conformance.ts";
import { assertLikeModel } from "./fs_random_operations.ts";
import { type TemporaryFolder, temporaryFolder } from "./fs_temporary_folder.ts";
import { leakTest } from "./leak.ts";

const isPortable = engineInfo().engine !== "uring";

leakTest("SubFs.open() is refused on the portable engine", async () => {
  await assertRejects(() => SubFs.open("."), Deno.errors.NotSupported, "Cannot open a SubFs");
}, { ignore: !isPortable });

if (!isPortable) {
  testConformance("SubFs", { writable: true, directories: true, links: true }, async () => {
    const folder = await temporaryFolder();
    const system = await SubFs.open(folder.path());
    return {
      system,
      path: (name) => name,
      async [Symbol.asyncDispose]() {
        await system[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  });
}

/**
 * A folder `root` with the file `inside`, and next to it a folder `outside` with a file `secret`;
 * another `secret` beside them.
 */
async function prepare(): Promise<{ folder: TemporaryFolder; system: SubFs } & AsyncDisposable> {
  const folder = await temporaryFolder();
  for (const name of ["root", "root/folder", "outside"]) await Deno.mkdir(folder.path(name));
  await Deno.writeTextFile(folder.path("root/inside"), "inside");
  await Deno.writeTextFile(folder.path("root/folder/secret"), "inside");
  await Deno.writeTextFile(folder.path("outside/secret"), "outside");
  await Deno.writeTextFile(folder.path("secret"), "outside");
  const system = await SubFs.open(folder.path("root"));
  return {
    folder,
    system,
    async [Symbol.asyncDispose]() {
      await system[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Everything that can be done with a path. */
function uses(system: SubFs, path: string): Record<string, () => Promise<unknown>> {
  const create = { write: true, create: true };
  return {
    open: () => system.open(path),
    create: () => system.open(path, create),
    createNew: () => system.open(path, { write: true, createNew: true }),
    truncate: () => system.open(path, { ...create, truncate: true }),
    stat: () => system.stat(path),
    lstat: () => system.lstat(path),
    readDir: () => Array.fromAsync(system.readDir(path)),
    mkdir: () => system.mkdir(path),
    mkdirRecursive: () => system.mkdir(path, { recursive: true }),
    remove: () => system.remove(path),
    removeRecursive: () => system.remove(path, { recursive: true }),
    renameFrom: () => system.rename(path, "new"),
    renameTo: () => system.rename("inside", path),
    symlink: () => system.symlink("inside", path),
    readLink: () => system.readLink(path),
  };
}

async function assertUntouched(folder: TemporaryFolder): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(folder.path()), ({ name }) => name);
  assertEquals(names.sort(), ["outside", "root", "secret"]);
  const outside = await Array.fromAsync(Deno.readDir(folder.path("outside")), ({ name }) => name);
  assertEquals(outside, ["secret"]);
  for (const name of ["secret", "outside/secret"]) {
    assertEquals(await Deno.readTextFile(folder.path(name)), "outside");
  }
}

/** Tries every use of paths that lead out; OUTSIDE stands for the absolute path of `outside`. */
async function assertRefused(
  paths: readonly string[],
  prepareMore: (system: SubFs, outside: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  for (const template of paths) {
    await using prepared = await prepare();
    const outside = prepared.folder.path("outside");
    const path = template.replace("OUTSIDE", outside);
    await prepareMore(prepared.system, outside);
    for (const [name, use] of Object.entries(uses(prepared.system, path))) {
      const error = await assertRejects(use, Deno.errors.PermissionDenied, "leads out of the root");
      assertEquals((error as Error & { code?: string }).code, "EXDEV", `${name} ${path}`);
    }
    await assertUntouched(prepared.folder);
  }
}

/** A test that the portable engine has nothing for. */
function ringTest(name: string, body: () => Promise<void>): void {
  leakTest(name, body, { ignore: isPortable });
}

ringTest("SubFs refuses paths that lead out by ..", async () => {
  const paths = [
    "../secret",
    "../outside/secret",
    "folder/../../secret",
    "./folder/../../outside/x",
  ];
  await assertRefused([...paths, "../root/inside", "folder/../../root/folder/new"]);
});

ringTest("SubFs refuses absolute paths", async () => {
  const paths = ["OUTSIDE/secret", "/secret", "/OUTSIDE/secret", "/proc/self/rootOUTSIDE/new"];
  await assertRefused(paths);
});

ringTest("SubFs refuses paths through symbolic links that lead out", async () => {
  const targets = ["../outside", "OUTSIDE", "/", "..", "folder/../../outside", "/proc/self/cwd"];
  for (const target of targets) {
    const more = (system: SubFs, outside: string) =>
      system.symlink(target.replace("OUTSIDE", outside), "link");
    await assertRefused(["link/secret", "./link/x", "link/../secret"], more);
  }
});

ringTest("SubFs does not follow a link at the end that leads out", async () => {
  for (const path of ["../secret", "../outside/new", "OUTSIDE/secret"]) {
    await using prepared = await prepare();
    const { system, folder } = prepared;
    const target = path.replace("OUTSIDE", folder.path("outside"));
    await system.symlink(target, "link");
    const { open, create, truncate, stat } = uses(system, "link");
    for (const use of [open!, create!, truncate!, stat!]) {
      await assertRejects(use, Deno.errors.PermissionDenied, "leads out of the root");
    }
    // What is done with the link itself stays inside.
    assert((await system.lstat("link")).isSymlink);
    assertEquals(await system.readLink("link"), target);
    await system.rename("link", "folder/link");
    await system.remove("folder/link");
    await system.symlink(target, "folder/link");
    await system.remove("folder", { recursive: true });
    await assertUntouched(folder);
  }
});

ringTest("SubFs follows what stays inside", async () => {
  await using prepared = await prepare();
  const { system } = prepared;
  await system.symlink("../inside", "folder/link");
  for (const path of ["folder/link", "folder/../inside", "./folder/./../folder/link", "inside"]) {
    assertEquals(new TextDecoder().decode(await readWhole(system, path)), "inside");
  }
  assertEquals((await system.stat(".")).isDirectory, true);
});

ringTest("SubFs refuses to remove or rename its root, and paths with NUL", async () => {
  await using prepared = await prepare();
  const { system } = prepared;
  for (const path of [".", "folder/..", "./"]) {
    await assertRejects(() => system.remove(path, { recursive: true }), TypeError);
    await assertRejects(() => system.rename(path, "new"), Error, "busy");
    await assertRejects(() => system.mkdir(path), Deno.errors.AlreadyExists);
  }
  await assertRejects(() => system.open("inside\0.txt"), TypeError, "NUL");
  await assertRejects(() => system.open(""), Deno.errors.NotFound);
});

// Another program exchanges what the paths lead through, thousands of times.
const RACES = {
  "a directory for a link that leads out": "folder/secret",
  "a directory that is moved out below ..": "folder/deep/../../secret",
};

for (const [what, path] of Object.entries(RACES)) {
  ringTest(`SubFs never leads out while somebody exchanges ${what}`, async () => {
    await using prepared = await prepare();
    const { folder, system } = prepared;
    await Deno.mkdir(folder.path("root/folder/deep"));
    await Deno.writeTextFile(folder.path("root/secret"), "inside");
    const kind = path.includes("..") ? "move" : "link";
    const program = new URL("fs_exchanging_program.ts", import.meta.url);
    const other = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", program.href, folder.path(), kind],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = other.stdout.getReader();
    await output.read();
    const outcomes = await race(system, path);
    await other.stdin.close();
    await output.cancel();
    assert((await other.status).success);
    assert(outcomes.inside > 0, JSON.stringify(outcomes));
    assert(outcomes.refused > 0, JSON.stringify(outcomes));
    await assertUntouched(folder);
  });
}

/** It ends earlier when there were rounds enough, and both outcomes among them. */
const RACE_MS_MAX = 10_000;
const ROUNDS_MIN = 1_500;

async function race(system: SubFs, path: string): Promise<{ inside: number; refused: number }> {
  const outcomes = { inside: 0, refused: 0 };
  const until = performance.now() + RACE_MS_MAX;
  for (let i = 0; performance.now() < until; i++) {
    if (i >= ROUNDS_MIN && outcomes.inside > 0 && outcomes.refused > 0) break;
    try {
      const text = new TextDecoder().decode(await readWhole(system, path));
      assertEquals(text, "inside");
      outcomes.inside++;
      const directory = path.slice(0, path.lastIndexOf("/"));
      await writeWhole(system, `${directory}/new`, new Uint8Array(1));
      await system.mkdir(`${directory}/made`);
      await system.rename(`${directory}/new`, `${directory}/made/new`);
      await system.remove(`${directory}/made`, { recursive: true });
    } catch (error) {
      if (error instanceof Error && error.name === "AssertionError") throw error;
      outcomes.refused++;
    }
  }
  return outcomes;
}

ringTest("SubFs goes on where its directory is moved, and ends with it", async () => {
  await using prepared = await prepare();
  const { folder, system } = prepared;
  await Deno.rename(folder.path("root"), folder.path("moved"));
  assertEquals(new TextDecoder().decode(await readWhole(system, "inside")), "inside");
  await Deno.rename(folder.path("moved"), folder.path("root"));
  const reading = system.stat("inside");
  await system[Symbol.asyncDispose]();
  assertEquals((await reading).size, 6);
  await assertRejects(() => system.stat("inside"), Deno.errors.BadResource);
  await system[Symbol.asyncDispose]();
});

ringTest("SubFs is like its model after each of 2 000 operations", async () => {
  await assertLikeModel(async () => {
    const folder = await temporaryFolder();
    let system = await SubFs.open(folder.path());
    return {
      get system() {
        return system;
      },
      path: (name) => name,
      async restart() {
        await system[Symbol.asyncDispose]();
        system = await SubFs.open(folder.path());
      },
      async [Symbol.asyncDispose]() {
        await system[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  }, { runs: 4, operations: 500, byteLengthMax: 100_000 });
});
