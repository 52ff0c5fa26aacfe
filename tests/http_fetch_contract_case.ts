// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** The function under test: Deno's own, or ours. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Cases by name: what is expected, as a sentence that starts with the call. */
export type FetchCases = Record<string, (fetch: Fetch) => Promise<void>>;

/** One request as it came over the wire. */
export interface WireRequest {
  /** First line. */
  readonly line: string;
  /** Method. */
  readonly method: string;
  /** Request target. */
  readonly target: string;
  /** Fields by lower-case name; several are joined by ", ". */
  readonly headers: Record<string, string>;
  /** Content without its framing, an octet a character. */
  readonly body: string;
  /** Which request of its connection it is, from 0. */
  readonly index: number;
  /** Which connection it came on, from 0. */
  readonly connection: number;
}

/** The connection that a request came on. */
export interface WirePeer {
  /** Sends octets, one a character. */
  send(text: string): Promise<void>;
  /** Sends bytes. */
  sendBytes(bytes: Uint8Array): Promise<void>;
  /** Resolves when the client closed. */
  readonly closed: Promise<void>;
  /** Closes. */
  close(): void;
}

/** Gives the octets of a response, or sends them itself. */
export type WireAnswer = (
  request: WireRequest,
  peer: WirePeer,
) => string | void | Promise<string | void>;

/** A server that answers octet by octet what a case wants, and keeps what it was asked. */
export class WireServer implements AsyncDisposable {
  /** All requests, in the order in which they came. */
  readonly requests: WireRequest[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #answer: WireAnswer;
  readonly #early: boolean;
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving: Promise<unknown>;
  #connections = 0;

  /** Answers requests; `early` when their heads are there, and not their bodies. */
  constructor(answer: WireAnswer, early = false) {
    this.#answer = answer;
    this.#early = early;
    this.#serving = this.#accept();
  }

  /** What URLs begin with. */
  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** The port. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Connections so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Stops, and closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) close(conn);
    await this.#serving;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    try {
      for await (const conn of this.#listener) {
        this.#conns.add(conn);
        serving.push(
          this.#serve(conn, this.#connections++).finally(() => this.#conns.delete(conn)),
        );
      }
    } catch {
      // It was closed.
    }
    await Promise.all(serving);
  }

  async #serve(conn: Deno.Conn, connection: number): Promise<void> {
    const closed = Promise.withResolvers<void>();
    const peer: WirePeer = {
      send: (text) => writeAll(conn, Uint8Array.from(text, (c) => c.charCodeAt(0))),
      sendBytes: (bytes) => writeAll(conn, bytes),
      close: () => close(conn),
      closed: closed.promise,
    };
    const reader = new WireReader(conn);
    const answers: Promise<void>[] = [];
    try {
      for (let index = 0;; index++) {
        const request = await reader.next(index, connection, this.#early);
        if (request === null) break;
        this.requests.push(request);
        const answering = (async () => {
          const text = await this.#answer(request, peer);
          if (text) await peer.send(text);
        })();
        answers.push(answering.catch(() => {}));
        if (!this.#early) await answering;
      }
    } catch {
      // The client is gone, or the case has closed the connection.
    }
    closed.resolve();
    await Promise.all(answers);
    close(conn);
  }
}

/** A response with a body of known length. */
export function ok(body = "", ...lines: string[]): string {
  const head = ["HTTP/1.1 200 OK", `Content-Length: ${body.length}`, ...lines, "", ""];
  return head.join("\r\n") + body;
}

/** A response of these lines and nothing else. */
export function answer(statusLine: string, ...lines: string[]): string {
  return [`HTTP/1.1 ${statusLine}`, ...lines, "", ""].join("\r\n");
}

/** Fetches while a server answers; gives what was asked first. */
export async function ask(
  act: (origin: string) => Promise<Response>,
  respond: WireAnswer = () => ok("ok"),
): Promise<WireRequest> {
  await using server = new WireServer(respond);
  const response = await act(server.origin);
  await response.body?.cancel();
  return server.requests[0]!;
}

/** Octets, one a character. */
export function octets(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Compresses text. */
export async function compressed(text: string, format: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream();
  return await new Response(stream.pipeThrough(new CompressionStream(format as CompressionFormat)))
    .bytes();
}

/** Reads requests off a connection. */
class WireReader {
  readonly #conn: Deno.Conn;
  #kept = "";

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async next(index: number, connection: number, early: boolean): Promise<WireRequest | null> {
    while (!this.#kept.includes("\r\n\r\n")) if (!await this.#more()) return null;
    const end = this.#kept.indexOf("\r\n\r\n");
    const [line = "", ...lines] = this.#kept.slice(0, end).split("\r\n");
    this.#kept = this.#kept.slice(end + 4);
    const headers: Record<string, string> = {};
    for (const field of lines) {
      const colon = field.indexOf(":");
      const name = field.slice(0, colon).toLowerCase();
      const value = field.slice(colon + 1).trim();
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    const [method = "", target = ""] = line.split(" ");
    const body = early ? "" : await this.#body(headers);
    return { line, method, target, headers, body, index, connection };
  }

  async #body(headers: Record<string, string>): Promise<string> {
    if (headers["transfer-encoding"] !== "chunked") {
      return await this.#take(Number(headers["content-length"] ?? 0));
    }
    let body = "";
    for (;;) {
      while (!this.#kept.includes("\r\n")) await this.#moreOrFail();
      const end = this.#kept.indexOf("\r\n");
      const size = parseInt(this.#kept.slice(0, end), 16);
      this.#kept = this.#kept.slice(end + 2);
      body += (await this.#take(size + 2)).slice(0, -2);
      if (size === 0) return body;
    }
  }

  async #take(length: number): Promise<string> {
    while (this.#kept.length < length) await this.#moreOrFail();
    const taken = this.#kept.slice(0, length);
    this.#kept = this.#kept.slice(length);
    return taken;
  }

  async #moreOrFail(): Promise<void> {
    if (!await this.#more()) throw new Error("The client closed the connection");
  }

  async #more(): Promise<boolean> {
    const bytes = new Uint8Array(65_536);
    const count = await this.#conn.read(bytes);
    if (count === null) return false;
    this.#kept += octets(bytes.subarray(0, count));
    return true;
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed by then.
  }
}
