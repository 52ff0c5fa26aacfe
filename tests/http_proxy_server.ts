// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a {@linkcode ProxyServer} was asked. */
export interface ProxyRequest {
  /** First line of the request, or `socks5 HOST:PORT`. */
  readonly line: string;
  /** Fields by lower-case name. */
  readonly headers: Record<string, string>;
}

/** A proxy for tests: `CONNECT`, whole URLs, or SOCKS5 without a login, each to one place. */
export class ProxyServer implements AsyncDisposable {
  /** All that was asked. */
  readonly requests: ProxyRequest[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #place: number;
  readonly #login: string | null;
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving: Promise<unknown>;

  /** Leads to a port of this machine, whatever is asked for; wants a login if there is one. */
  constructor(place: number, login: string | null = null) {
    this.#place = place;
    this.#login = login;
    this.#serving = this.#accept();
  }

  /** The port. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Stops, and closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) closeQuietly(conn);
    await this.#serving;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    try {
      for await (const conn of this.#listener) serving.push(this.#serve(conn));
    } catch {
      // It was closed.
    }
    await Promise.all(serving);
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    this.#conns.add(conn);
    try {
      const first = new Uint8Array(65_536);
      const count = await conn.read(first) ?? 0;
      if (first[0] === 5) await this.#socks(conn);
      else await this.#http(conn, first.slice(0, count));
    } catch {
      // One side is gone.
    } finally {
      this.#conns.delete(conn);
      closeQuietly(conn);
    }
  }

  async #http(conn: Deno.Conn, head: Uint8Array): Promise<void> {
    const [line = "", ...fields] = new TextDecoder().decode(head).split("\r\n\r\n")[0]!.split(
      "\r\n",
    );
    const headers = Object.fromEntries(fields.map((field) => field.split(": ")));
    this.requests.push({ line, headers });
    const expected = this.#login === null ? undefined : `Basic ${btoa(this.#login)}`;
    if (headers["proxy-authorization"] !== expected) {
      return await writeText(conn, "HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n");
    }
    const isTunnel = line.startsWith("CONNECT ");
    await this.#join(conn, async (there) => {
      if (isTunnel) await writeText(conn, "HTTP/1.1 200 Connected\r\n\r\n");
      else await there.write(head);
    });
  }

  async #socks(conn: Deno.Conn): Promise<void> {
    await conn.write(Uint8Array.of(5, 0));
    const request = new Uint8Array(300);
    await conn.read(request);
    const length = request[4]!;
    const host = new TextDecoder().decode(request.subarray(5, 5 + length));
    const port = request[5 + length]! * 256 + request[6 + length]!;
    this.requests.push({ line: `socks5 ${host}:${port}`, headers: {} });
    await this.#join(conn, () => conn.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0)));
  }

  async #join(conn: Deno.Conn, begin: (there: Deno.Conn) => Promise<unknown>): Promise<void> {
    const there = await Deno.connect({ hostname: "127.0.0.1", port: this.#place });
    this.#conns.add(there);
    try {
      await begin(there);
      await Promise.allSettled([pump(conn, there), pump(there, conn)]);
    } finally {
      this.#conns.delete(there);
      closeQuietly(there);
    }
  }
}

async function pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
  } finally {
    closeQuietly(to);
    closeQuietly(from);
  }
}

async function writeText(conn: Deno.Conn, text: string): Promise<void> {
  await conn.write(new TextEncoder().encode(text));
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed by then.
  }
}
