// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { FILE_DATA, makeFileData } from "./file_data.ts";
import { Server } from "./process.ts";
import { bunPeer, cPeer, denoPeer, installed, withArguments } from "./programs.ts";
import {
  type Case,
  Missing,
  type Outcome,
  type Plan,
  type Prepared,
  type Subject,
  type Suite,
} from "./suite.ts";

/** Files in the page cache, beside Deno, Bun, fio, dd and cp. */
export const suite: Suite = {
  title: "Files in the page cache",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",  head: "ops/s",  unit: "1/s",   digits: 0 },
    { metric: "speed", head: "MiB/s",  unit: "MiB/s", digits: 0 },
    { metric: "cpu",   head: "cpu us", unit: "us",    digits: 2 },
  ],
  ratios: [
    { metric: "rate", baseline: "deno" },
    { metric: "rate", baseline: "deno-parallel" },
    { metric: "rate", baseline: "bun" },
    { metric: "rate", baseline: "fio" },
    { metric: "speed", baseline: "dd" },
    { metric: "speed", baseline: "cp" },
  ],
  prepare,
  values,
};

const { random, small, tree, large } = FILE_DATA;
const IN_FLIGHT = 32;
const FASTEST = "of 1 GiB the fastest of 7 or more of each round";
const LARGE_BYTES = large.bytes;

async function prepare({ quick }: Plan): Promise<Prepared> {
  const folder = await makeFileData();
  const at = (name: string) => `${folder}/${name}`;
  const inFlight = quick ? [IN_FLIGHT] : [1, IN_FLIGHT, 256];
  const cases: Case[] = [
    ...inFlight.map((count) => smallCase(at(small.name), count)),
    {
      name: `4 KiB random reads, ${IN_FLIGHT} in flight, one core`,
      subjects: await randomSubjects(at(random.name)),
    },
    {
      name: `walk and lstat, ${tree.entries} entries`,
      subjects: [
        subject("ours", "file_ours.ts", "walk", at(tree.name)),
        subject("deno", "file_deno.ts", "walk", at(tree.name)),
        subject("deno-parallel", "file_deno.ts", "--parallel", "walk", at(tree.name)),
      ],
    },
    ...await largeCases(at(large.name), at("written")),
  ];
  const keeper = await keepInMemory(at(random.name), at(large.name));
  const [kept, end] = keeper instanceof Missing
    ? [`, unless the kernel throws it out: ${keeper.reason}`, async () => {}]
    : ["", async () => void await keeper.stop()];
  const stop = async () => {
    await end();
    await Deno.remove(at("written")).catch(() => {});
  };
  const notes = [
    `all in the page cache${kept}`,
    "ratios are of rate, for dd and cp of speed",
    FASTEST,
  ];
  return { cases, notes, end: stop };
}

/** Keeps files in the page cache until it is stopped. */
async function keepInMemory(...paths: string[]): Promise<Server | Missing> {
  const keeper = await cPeer("file_keep");
  if (keeper instanceof Missing) return keeper;
  return await Server.start(withArguments(keeper, ...paths)).catch((error) =>
    new Missing(error.message)
  );
}

function smallCase(folder: string, count: number): Case {
  const args = ["small", folder, String(small.files), String(count)];
  return {
    name: `${small.files} files of ${small.bytes} B and less, ${count} in flight`,
    subjects: [
      subject("ours", "file_ours.ts", ...args),
      subject("deno", "file_deno.ts", ...args),
    ],
  };
}

/** All on one core: that is what the figures of fio are about. */
async function randomSubjects(path: string): Promise<Subject[]> {
  const args = ["random", path, String(random.bytes), String(IN_FLIGHT)];
  const bun = await bunPeer("file_bun.ts");
  const fio = await tool("fio", 0, "", [
    ...["fio", "--name=random", `--filename=${path}`, "--rw=randread", "--bs=4k", "--readonly"],
    ...["--ioengine=io_uring", "--invalidate=0", `--iodepth=${IN_FLIGHT}`, "--gtod_reduce=1"],
    ...["--time_based", "--runtime=1500ms", `--size=${random.bytes}`, "--output-format=json"],
  ]);
  return [
    { name: "ours", load: () => denoPeer("file_ours.ts", ...args) },
    { name: "deno", load: () => denoPeer("file_deno.ts", ...args) },
    command("bun", bun instanceof Missing ? bun : withArguments(bun, ...args), false),
    command("fio", fio, false),
  ];
}

async function largeCases(source: string, target: string): Promise<Case[]> {
  const size = String(LARGE_BYTES);
  const gibibyte = `${LARGE_BYTES / 2 ** 30} GiB`;
  const piece = String(2 ** 23);
  const write = async (name: string, kind: "new" | "over", how: string[]): Promise<Case> => ({
    name: `sequential write of ${gibibyte} ${name}`,
    subjects: [
      subject("ours", "file_ours.ts", "write", target, kind, size, piece),
      subject("deno", "file_deno.ts", "write", target, kind, size, piece),
      command("dd", await bestDd("/dev/zero", target, kind === "new" ? target : "", how), true),
    ],
  });
  return [
    {
      name: `sequential read of ${gibibyte}`,
      subjects: [
        subject("ours", "file_ours.ts", "read", source, String(2 ** 18)),
        subject("deno", "file_deno.ts", "read", source, String(2 ** 18)),
        command("dd", await bestDd(source, "/dev/null", "", []), true),
      ],
    },
    await write("into a new file", "new", []),
    await write("over a file", "over", ["conv=notrunc"]),
    {
      name: `copy of ${gibibyte} into a new file`,
      subjects: [
        subject("ours", "file_ours.ts", "copy", source, target, size),
        subject("deno", "file_deno.ts", "copy", source, target, size),
        command("cp", await tool("time", LARGE_BYTES, target, ["cp", source, target]), true),
      ],
    },
  ];
}

/** Kibibytes that `dd` may move at a time: from what fits into a small cache to few large calls. */
const DD_BLOCK_KIB = [64, 128, 256, 512, 1024, 4096] as const;
/** Of each size the best of so many counts. */
const DD_TRIES = 2;

/**
 * `dd` with the block size that is the fastest for this work on this machine. What it tells itself
 * leaves out its start.
 *
 * @param target What to remove before each run, or nothing
 */
async function bestDd(
  from: string,
  to: string,
  target: string,
  how: string[],
): Promise<CommandLine | Missing> {
  const missing = await installed("dd");
  if (missing !== null) return missing;
  let best = { args: [] as string[], ms: Infinity };
  for (let run = 0; run < DD_BLOCK_KIB.length * DD_TRIES; run++) {
    const kib = DD_BLOCK_KIB[run % DD_BLOCK_KIB.length]!;
    const count = LARGE_BYTES / 2 ** 10 / kib;
    const args = [`if=${from}`, `of=${to}`, `bs=${kib}K`, `count=${count}`, ...how];
    if (target !== "") await Deno.remove(target).catch(() => {});
    const start = performance.now();
    await new Deno.Command("dd", { args }).output();
    const ms = performance.now() - start;
    if (ms < best.ms) best = { args, ms };
  }
  return await tool("dd", LARGE_BYTES, target, ["dd", ...best.args]);
}

function subject(name: string, peer: string, ...args: string[]): Subject {
  return { name, everyCpu: true, load: () => denoPeer(peer, ...args) };
}

function command(name: string, peer: CommandLine | Missing, everyCpu: boolean): Subject {
  if (peer instanceof Missing) return { name, server: peer, load: () => denoPeer("") };
  return { name, everyCpu, load: () => peer };
}

/** A program under `file_tool.ts`, which counts and times it. */
async function tool(
  mode: "fio" | "dd" | "time",
  byteLength: number,
  target: string,
  [program, ...args]: [string, ...string[]] | string[],
): Promise<CommandLine | Missing> {
  const missing = await installed(program!);
  return missing ?? denoPeer("file_tool.ts", mode, String(byteLength), target, program!, ...args);
}

function values({ report }: Outcome): Record<string, number> {
  const { operations, bytes, seconds, cpuUs } = report;
  const rates: Record<string, number> = { rate: operations! / seconds! };
  if (bytes! > 0) rates.speed = bytes! / seconds! / 2 ** 20;
  return cpuUs === undefined ? rates : { ...rates, cpu: cpuUs / operations! };
}
