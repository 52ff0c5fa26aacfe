// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** One response as it came over the wire. */
export interface RawResponse {
  /** First line. */
  statusLine: string;
  /** Status code. */
  status: number;
  /** Fields by lower-case name; several are joined by ", ". */
  headers: Record<string, string>;
  /** Content without its framing, an octet a character. */
  body: string;
}

/** A client that sends octets as they are and reads one response after the other. */
export class RawClient implements Disposable {
  readonly #conn: Deno.Conn;
  #kept = "";
  #ended = false;
  #closed = false;

  /** Takes over a connection. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects to a port of this machine, or to a Unix socket. */
  static async open(addr: Deno.Addr): Promise<RawClient> {
    return new RawClient(
      "path" in addr
        ? await Deno.connect({ transport: "unix", path: addr.path })
        : await Deno.connect({ hostname: "127.0.0.1", port: (addr as Deno.NetAddr).port }),
    );
  }

  /** Sends octets, one a character. */
  async send(text: string): Promise<void> {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Ends the writing half. */
  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** Sends a request and reads its response. */
  async ask(request: string): Promise<RawResponse> {
    await this.send(request);
    return await this.response(request.startsWith("HEAD "));
  }

  /**
   * Reads a response, framed as RFC 9112 section 6.3 has it.
   *
   * @throws {Error} when the connection ends before its end, where that can be told
   */
  async response(toHead = false): Promise<RawResponse> {
    const head = await this.#until("\r\n\r\n");
    const [statusLine, ...lines] = head.slice(0, -4).split("\r\n");
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const [, name, value] = /^([^:\s]+): ?(.*)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`Not a field: ${JSON.stringify(line)}`);
      const key = name.toLowerCase();
      headers[key] = key in headers ? `${headers[key]}, ${value}` : value!;
    }
    const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(statusLine!)?.[1]);
    if (!(status >= 100)) throw new Error(`Not a status line: ${JSON.stringify(statusLine)}`);
    const bodiless = toHead || status < 200 || status === 204 || status === 304;
    const body = bodiless ? "" : await this.#body(headers);
    return { statusLine: statusLine!, status, headers, body };
  }

  /** Reads to the end of the connection; a reset ends it too. */
  async rest(): Promise<string> {
    while (!this.#ended) await this.#more();
    const rest = this.#kept;
    this.#kept = "";
    return rest;
  }

  /** Reads until the text has come, and gives all up to it. */
  async until(text: string): Promise<string> {
    return await this.#until(text);
  }

  /** Reads so many octets at least, and forgets them; fewer at the end of the connection. */
  async atLeast(count: number): Promise<void> {
    while (this.#kept.length < count && !this.#ended) await this.#more();
    this.#kept = "";
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  async #body(headers: Record<string, string>): Promise<string> {
    if (headers["transfer-encoding"] === "chunked") {
      let body = "";
      for (;;) {
        const line = await this.#until("\r\n");
        const size = parseInt(line, 16);
        if (!/^[0-9a-f]+\r\n$/.test(line)) throw new Error(`Not a size: ${JSON.stringify(line)}`);
        if (size === 0) {
          for (let field = ""; field !== "\r\n"; field = await this.#until("\r\n")) {
            if (field !== "") headers[`trailer ${field.split(":")[0]!.toLowerCase()}`] = field;
          }
          return body;
        }
        body += (await this.#take(size + 2)).slice(0, -2);
      }
    }
    if ("content-length" in headers) return await this.#take(Number(headers["content-length"]));
    return headers.connection === "upgrade" ? "" : await this.rest();
  }

  async #until(text: string): Promise<string> {
    while (!this.#kept.includes(text)) await this.#moreOrFail();
    return this.#cut(this.#kept.indexOf(text) + text.length);
  }

  async #take(length: number): Promise<string> {
    while (this.#kept.length < length) await this.#moreOrFail();
    return this.#cut(length);
  }

  #cut(length: number): string {
    const taken = this.#kept.slice(0, length);
    this.#kept = this.#kept.slice(length);
    return taken;
  }

  async #moreOrFail(): Promise<void> {
    if (this.#ended) throw new Error(`Connection ended behind ${JSON.stringify(this.#kept)}`);
    await this.#more();
  }

  async #more(): Promise<void> {
    const bytes = new Uint8Array(65_536);
    let count: number | null = null;
    try {
      count = await this.#conn.read(bytes);
    } catch (error) {
      // A reset, or our own end.
      const { ConnectionReset, BadResource, Interrupted } = Deno.errors;
      if (![ConnectionReset, BadResource, Interrupted].some((c) => error instanceof c)) throw error;
    }
    if (count === null) this.#ended = true;
    else for (let i = 0; i < count; i++) this.#kept += String.fromCharCode(bytes[i]!);
  }
}
