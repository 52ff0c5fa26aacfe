// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { Missing } from "./suite.ts";

/** Where binaries are built; git ignores it. */
const BUILD_DIRECTORY = new URL(".build/", import.meta.url);
const PEERS_DIRECTORY = new URL("peers/", import.meta.url);

/** The Bun that is measured. */
const BUN_PACKAGE = "bun@1.4.5";

/** First bytes of an executable file on Linux; the launcher script of npm's `bun` has others. */
const ELF_MAGIC = "\x7fELF";

/** Path of a file in `bench/peers/`. */
export function peerPath(name: string): string {
  return new URL(name, PEERS_DIRECTORY).pathname;
}

/** A Deno program of `bench/peers/`. */
export function denoPeer(name: string, ...args: string[]): CommandLine {
  return { program: Deno.execPath(), args: ["run", "-A", "--quiet", peerPath(name), ...args] };
}

/** A Node program of `bench/peers/`. */
export async function nodePeer(name: string): Promise<CommandLine | Missing> {
  // Where there is no Node, Deno itself answers to that name, and has `process.versions.deno`.
  const script = "process.versions.deno ? '' : process.execPath";
  const path = await run("node", ["-p", script]);
  if (path instanceof Missing) return path;
  if (path === "") return new Missing("node is not installed");
  return { program: path, args: [peerPath(name)] };
}

/** Folder of a package from npm, installed when it is not there yet. */
export async function nodePackage(specifier: string): Promise<string | Missing> {
  const name = specifier.replace(/(?<=.)@.*$/, "");
  const prefix = new URL("node", BUILD_DIRECTORY).pathname;
  const folder = `${prefix}/node_modules/${name}`;
  if (await exists(folder)) return folder;
  const installed = await run("npm", ["install", "--silent", "--prefix", prefix, specifier]);
  return installed instanceof Missing ? installed : folder;
}

/** A Bun program of `bench/peers/`, run by the binary of the npm package. */
export async function bunPeer(name: string): Promise<CommandLine | Missing> {
  // Asked for once: `npx bun` itself would put two more processes above the one to measure.
  const path = await run("npx", ["-y", "-p", BUN_PACKAGE, "-c", 'readlink -f "$(command -v bun)"']);
  if (path instanceof Missing) return path;
  using file = await Deno.open(path);
  const head = new Uint8Array(ELF_MAGIC.length);
  await file.read(head);
  if (new TextDecoder().decode(head) !== ELF_MAGIC) {
    return new Missing(`${BUN_PACKAGE} was installed without its binary`);
  }
  return { program: path, args: [peerPath(name)] };
}

/** nginx by a script of `bench/peers/` that writes its configuration. */
export async function nginxPeer(name: string): Promise<CommandLine | Missing> {
  const version = await run("nginx", ["-v"]);
  if (version instanceof Missing) return version;
  await Deno.mkdir(BUILD_DIRECTORY, { recursive: true });
  return { program: "sh", args: [peerPath(name), BUILD_DIRECTORY.pathname] };
}

/** What the C programs have in common. */
const C_HEADERS = ["closed_loop.h", "epoll_server.h", "http_load.c", "load.h"];

/** A C program of `bench/peers/`, compiled when its source, or a header, is newer than it. */
export async function cPeer(
  name: string,
  ...libraries: string[]
): Promise<CommandLine | Missing> {
  const source = peerPath(`${name}.c`);
  const binary = new URL(name, BUILD_DIRECTORY).pathname;
  const sources = [source, ...C_HEADERS.map((header) => peerPath(header))];
  if ((await Promise.all(sources.map((file) => isNewer(file, binary)))).includes(true)) {
    await Deno.mkdir(BUILD_DIRECTORY, { recursive: true });
    const built = await run("cc", ["-O2", "-std=gnu11", "-o", binary, source, ...libraries]);
    if (built instanceof Missing) return built;
  }
  return { program: binary, args: [] };
}

/** A Rust program of `bench/peers/rust/`, built by cargo with crates from crates.io. */
export async function rustPeer(name: string): Promise<CommandLine | Missing> {
  const target = new URL("rust/", BUILD_DIRECTORY).pathname;
  const manifest = peerPath("rust/Cargo.toml");
  const args = ["build", "--release", "--quiet", "--bin", name];
  const built = await run("cargo", [...args, "--manifest-path", manifest, "--target-dir", target]);
  if (built instanceof Missing) return built;
  return { program: `${target}release/${name}`, args: [] };
}

/** A Python program of `bench/peers/` with one package from PyPI, installed in its own folder. */
export async function pythonPeer(
  name: string,
  requirement: string,
): Promise<CommandLine | Missing> {
  const folder = new URL("python/", BUILD_DIRECTORY).pathname;
  const python = `${folder}bin/python`;
  const [distribution, version] = requirement.split("==");
  const isInstalled = `import ${distribution} as m; assert m.__version__ == "${version}"`;
  if (await run(python, ["-c", isInstalled]) instanceof Missing) {
    const made = await run("python3", ["-m", "venv", folder]);
    if (made instanceof Missing) return made;
    const installed = await run(python, ["-m", "pip", "install", "--quiet", requirement]);
    if (installed instanceof Missing) return installed;
  }
  return { program: python, args: [peerPath(name)] };
}

/** The command with further arguments behind its own. */
export function withArguments(command: CommandLine, ...args: string[]): CommandLine {
  return { program: command.program, args: [...command.args, ...args] };
}

/** Null when a program is on the PATH, else that it is not. */
export async function installed(program: string): Promise<Missing | null> {
  const result = await run(program, ["--version"]);
  return result instanceof Missing ? result : null;
}

/** Output of a program, or why it could not be had. */
async function run(program: string, args: string[]): Promise<string | Missing> {
  try {
    const output = await new Deno.Command(program, { args, stdin: "null" }).output();
    const decoder = new TextDecoder();
    if (output.success) return decoder.decode(output.stdout).trim();
    const lastLine = decoder.decode(output.stderr).trim().split("\n").at(-1);
    return new Missing(`${program} failed: ${lastLine}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Missing(`${program} is not installed`);
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function isNewer(source: string, binary: string): Promise<boolean> {
  try {
    return (await Deno.stat(source)).mtime! > (await Deno.stat(binary)).mtime!;
  } catch {
    return true;
  }
}
