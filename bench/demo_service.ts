// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { APIS, type Subject } from "./demo_subjects.ts";
import { Server } from "./process.ts";

/** How a client reaches a service. */
export type Transport = "TCP" | "Unix";

/** An echo service in a process of its own, on TCP and on a Unix socket; disposing ends it. */
export class EchoService implements AsyncDisposable {
  /** Whose `listen` it runs on; `connect` is of the same. */
  readonly subject: Subject;
  readonly #server: Server;
  readonly #path: string;

  /** Starts a service and waits until it listens; its Unix socket lies in `directory`. */
  static async start(subject: Subject, directory: string): Promise<EchoService> {
    const path = `${directory}/${subject}.socket`;
    const program = `${import.meta.dirname}/demo_echo.ts`;
    const args = ["run", "--allow-all", "--quiet", program, subject, path];
    const server = await Server.start({ program: Deno.execPath(), args });
    return new EchoService(subject, server, path);
  }

  /** Use {@linkcode EchoService.start}. */
  constructor(subject: Subject, server: Server, path: string) {
    this.subject = subject;
    this.#server = server;
    this.#path = path;
  }

  /** Process id. */
  get pid(): number {
    return this.#server.pid;
  }

  /** What runs underneath, in words. */
  get description(): string {
    return this.#server.note;
  }

  /** Opens a connection to it. */
  connect(transport: Transport): Promise<Deno.Conn> {
    const { connect } = APIS[this.subject];
    return transport === "TCP"
      ? connect({ hostname: "127.0.0.1", port: this.#server.port })
      : connect({ transport: "unix", path: this.#path });
  }

  /** Ends the process and waits for its end; gives what it has complained about. */
  async end(): Promise<string> {
    return (await this.#server.stop()).trim();
  }

  /** Ends the process and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
