// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { cpuBetween, cpuTimes } from "./cpu.ts";
import type { Outcome } from "./suite.ts";

/** How long a server may take to say that it listens. */
const READY_MS_MAX = 20_000;
/** How long a server may take to end after SIGTERM. */
const STOP_MS_MAX = 2_000;
/** How long one load may run. */
const LOAD_MS_MAX = 120_000;
/** How much of the end of a program's error output is kept for a message. */
const ERROR_CHARS_MAX = 2_000;

const READY_REGEXP = /^listening (\d+)(?: (.*))?$/;

/** Every program that runs now, so that an interrupted bench leaves none behind. */
const running = new Set<Program>();

/** A command line as one would type it in the repository. */
export function commandText({ program, args }: CommandLine): string {
  const words = [program, ...args].map((word) => word === Deno.execPath() ? "deno" : word);
  return words.map((word) => word.replace(`${Deno.cwd()}/`, "")).join(" ");
}

/** Kills every server and load that still runs. */
export function killAll(): void {
  for (const program of running) program.kill("SIGKILL");
}

/** A server that listens. Disposing of it stops the process and waits for its end. */
export class Server implements AsyncDisposable {
  /** Process id, of the server itself and not of a shell around it. */
  readonly pid: number;
  /** Where it listens. */
  readonly port: number;
  /** What it said about itself behind the port, or the empty string. */
  readonly note: string;
  readonly #program: Program;

  /** Starts a server and waits for its line `listening <port>`. */
  static async start(command: CommandLine): Promise<Server> {
    const program = new Program(command);
    try {
      for (;;) {
        const line = await program.line(READY_MS_MAX);
        if (line === null) throw await program.failure("ended before it listened");
        const ready = READY_REGEXP.exec(line);
        if (ready !== null) return new Server(program, Number(ready[1]), ready[2] ?? "");
      }
    } catch (error) {
      await program.end("SIGKILL");
      throw error;
    }
  }

  /** Use {@linkcode Server.start}. */
  constructor(program: Program, port: number, note: string) {
    this.#program = program;
    this.pid = program.pid;
    this.port = port;
    this.note = note;
  }

  /** Stops the server; gives the end of what it wrote to stderr. */
  stop(): Promise<string> {
    return this.#program.end("SIGTERM");
  }

  /** Sends SIGTERM and, to a server that does not end, SIGKILL. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Runs one load to its end and takes the CPU that `server` used in the measured window. When the
 * load fails, the error has what the server complained about as well.
 */
export async function runLoad(command: CommandLine, server: Server | null): Promise<Outcome> {
  try {
    return await measureLoad(command, server);
  } catch (error) {
    const complaint = (await server?.stop())?.trim();
    if (!complaint) throw error;
    throw new Error(`${(error as Error).message}; the server wrote: ${complaint}`);
  }
}

async function measureLoad(command: CommandLine, server: Server | null): Promise<Outcome> {
  const program = new Program(command);
  const cpu = () => server === null ? null : cpuTimes(server.pid);
  let before = null;
  let outcome: Outcome | null = null;
  try {
    while (outcome === null) {
      const line = await program.line(LOAD_MS_MAX);
      if (line === null) throw await program.failure("ended without a result");
      if (line === "measuring") before = cpu();
      if (line.startsWith("{")) {
        outcome = { report: JSON.parse(line), cpu: cpuBetween(before, cpu()) };
      }
    }
  } finally {
    // After its result the load takes in the last echoes by itself; it ends without a signal.
    await program.end(null);
  }
  if (!await program.succeeded()) throw await program.failure("failed after its result");
  return outcome;
}

/** One child process whose output is read line by line. */
class Program {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncGenerator<string>;
  readonly #errors: Promise<string>;

  constructor(command: CommandLine) {
    this.#name = commandText(command);
    this.#child = new Deno.Command(command.program, {
      args: [...command.args],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = readLines(this.#child.stdout);
    this.#errors = readEnd(this.#child.stderr);
    running.add(this);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Next line of its output, null at the end. */
  async line(timeoutMs: number): Promise<string | null> {
    const killer = setTimeout(() => this.kill("SIGKILL"), timeoutMs);
    try {
      const { value, done } = await this.#lines.next();
      return done ? null : value;
    } finally {
      clearTimeout(killer);
    }
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  /**
   * Sends the signal, if any, and waits for the end, by force when it does not come. Gives the end
   * of what the program wrote to stderr.
   */
  async end(signal: Deno.Signal | null): Promise<string> {
    if (signal !== null) this.kill(signal);
    const killer = setTimeout(() => this.kill("SIGKILL"), STOP_MS_MAX);
    while (!(await this.#lines.next()).done);
    await this.#child.status;
    clearTimeout(killer);
    running.delete(this);
    return await this.#errors;
  }

  /** Whether it ended, or will end, with exit code 0. */
  async succeeded(): Promise<boolean> {
    return (await this.#child.status).success;
  }

  /** An error that says what happened, with the end of what the program wrote to stderr. */
  async failure(what: string): Promise<Error> {
    const { code, signal } = await this.#child.status;
    const errors = (await this.#errors).trim();
    return new Error(`${what} (${signal ?? `exit code ${code}`}): ${errors}; ${this.#name}`);
  }
}

async function* readLines(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

async function readEnd(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let end = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    end = (end + text).slice(-ERROR_CHARS_MAX);
  }
  return end;
}
