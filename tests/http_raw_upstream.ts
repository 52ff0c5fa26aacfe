// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A server that answers each request with the same octets and closes, or with nothing at all. */
export class RawUpstream implements Disposable {
  /** Where it is. */
  readonly url: string;
  readonly #listener: Deno.TcpListener;
  readonly #conns: Deno.Conn[] = [];

  /** Listens; null never answers. */
  constructor(answer: string | null) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    this.#accept(answer);
  }

  /** Stops. */
  [Symbol.dispose](): void {
    this.#listener.close();
    for (const conn of this.#conns) close(conn);
  }

  async #accept(answer: string | null): Promise<void> {
    for await (const conn of this.#listener) {
      this.#conns.push(conn);
      this.#answer(conn, answer).catch(() => {});
    }
  }

  async #answer(conn: Deno.Conn, answer: string | null): Promise<void> {
    await conn.read(new Uint8Array(65_536));
    if (answer === null) return;
    if (answer !== "") await conn.write(new TextEncoder().encode(answer));
    close(conn);
  }
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed by then.
  }
}
