// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Stands between a client and a server on a port, and can swallow what the client says. */
export class Proxy implements AsyncDisposable {
  /** Where the client connects. */
  readonly port: number;
  /** Told once something was swallowed. */
  swallowed: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Whether what the client says is kept from the server. */
  isSwallowing = false;

  readonly #listener: Deno.TcpListener;
  readonly #serverPort: number;
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;

  /** Forwards to a port of this machine. */
  constructor(serverPort: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#serverPort = serverPort;
    this.#serving = this.#serve();
  }

  /** Cuts every connection that there is; new ones are forwarded. */
  cut(): void {
    this.isSwallowing = false;
    this.swallowed = Promise.withResolvers();
    for (const conn of this.#conns) this.#close(conn);
  }

  /** Ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const pumps: Promise<void>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect({ port: this.#serverPort });
      this.#conns.add(client).add(server);
      pumps.push(this.#pump(client, server, true), this.#pump(server, client, false));
    }
    await Promise.all(pumps);
  }

  async #pump(from: Deno.Conn, to: Deno.Conn, isFromClient: boolean): Promise<void> {
    const bytes = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(bytes);
        if (count === null) break;
        if (isFromClient && this.isSwallowing) this.swallowed.resolve();
        else for (let at = 0; at < count;) at += await to.write(bytes.subarray(at, count));
      }
    } catch {
      // Cut.
    }
    this.#close(from);
    this.#close(to);
  }

  #close(conn: Deno.Conn): void {
    if (this.#conns.delete(conn)) conn.close();
  }
}
