// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a program printed, and whether it ended well. */
export interface Ended {
  /** Exit code 0. */
  readonly success: boolean;
  /** Standard output and error together. */
  readonly text: string;
}

/** Longest run of a program. */
const LIMIT_MS = 10_000;

/** Runs a program to its end. */
export async function runProgram(name: string, args: string[], input = ""): Promise<Ended> {
  const child = new Deno.Command(name, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill(), LIMIT_MS);
  try {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {});
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    clearTimeout(limit);
  }
}

/** A program that serves, until it is disposed of. */
export class ServingProgram implements AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  /** Starts a program and waits until its output says on which port it listens. */
  static async start(name: string, args: string[], listening: RegExp): Promise<ServingProgram> {
    const command = new Deno.Command(name, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    });
    const child = command.spawn();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const reading = (async () => {
      let text = "";
      for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
        const port = listening.exec(text += piece)?.[1];
        if (port !== undefined) resolve(Number(port));
      }
      reject(new Error(`Cannot start ${name}: ${text}`));
    })();
    return new ServingProgram(child, reading, await promise);
  }

  /** Use {@linkcode ServingProgram.start}. */
  constructor(child: Deno.ChildProcess, reading: Promise<void>, port: number) {
    this.#child = child;
    this.#reading = reading;
    this.port = port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    this.#child.kill("SIGKILL");
    await this.#reading.catch(() => {});
    await this.#child.status;
  }
}

/** Whether a program can be run. */
export function hasProgram(name: string, flag = "--version"): boolean {
  try {
    return new Deno.Command(name, { args: [flag], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}
