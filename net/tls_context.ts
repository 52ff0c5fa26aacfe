// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { SslContext, type SslContextSettings, SslSettingError } from "../ffi/ssl_context.ts";
import type { ClientHello } from "./client_hello.ts";
import type { TlsServerRequest } from "./tls_options.ts";
import type { ServerStart } from "./tls_session.ts";

/** Hosts whose certificate is remembered; beyond, it is looked for again. */
const HOSTS_MAX = 1024;

/**
 * Loads keys and certificates.
 *
 * @throws {Deno.errors.InvalidData} When one of them is none, in Deno's words where it has any
 */
export function openContext(settings: SslContextSettings): SslContext {
  try {
    return new SslContext(settings);
  } catch (error) {
    if (!(error instanceof SslSettingError)) throw error;
    throw new Deno.errors.InvalidData(error.message, { cause: error });
  }
}

/**
 * What a server shows to its clients: a context for each certificate. It can be replaced while
 * connections are made and served; those that are there keep what they began with.
 */
export class ServerContexts implements Disposable {
  #contexts: readonly SslContext[];
  #request: TlsServerRequest;
  readonly #byHost = new Map<string, SslContext>();
  #undecided = 0;
  #closed = false;

  /** Loads keys and certificates. */
  constructor(request: TlsServerRequest) {
    this.#request = request;
    this.#contexts = openAll(request);
  }

  /** Longest handshake. */
  get handshakeTimeoutMs(): number {
    return this.#request.protocol.handshakeTimeoutMs;
  }

  /** For one connection, whose choice is still good when the listener is closed meanwhile. */
  start(): ServerStart {
    this.#undecided++;
    let decided = false;
    return {
      choose: (hello) => this.#choose(hello),
      [Symbol.dispose]: () => {
        if (decided) return;
        decided = true;
        this.#undecided--;
        this.#freeIfUnused();
      },
    };
  }

  /** The context for a client: the first whose certificate is for the host that it asks for. */
  #choose(hello: ClientHello | null): SslContext {
    const [first] = this.#contexts;
    const host = hello?.serverName;
    if (this.#contexts.length === 1 || !host) return first;
    const known = this.#byHost.get(host);
    if (known !== undefined) return known;
    const found = this.#contexts.find((context) => context.matches(host)) ?? first;
    if (this.#byHost.size >= HOSTS_MAX) this.#byHost.clear();
    this.#byHost.set(host, found);
    return found;
  }

  /**
   * Shows something else from now on. When it cannot be loaded, nothing changes. Sessions go with
   * what they began with: who shows a certificate that is no longer accepted cannot resume one.
   */
  replace(request: TlsServerRequest): void {
    const contexts = openAll(request);
    this.#free();
    this.#contexts = contexts;
    this.#request = request;
  }

  /** Lets go of all, when nobody needs them for a choice; connections that are there go on. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#freeIfUnused();
  }

  #freeIfUnused(): void {
    if (this.#closed && this.#undecided === 0) this.#free();
  }

  #free(): void {
    this.#byHost.clear();
    for (const context of this.#contexts) context[Symbol.dispose]();
  }
}

function openAll(request: TlsServerRequest): readonly SslContext[] {
  const { identities, alpnProtocols, clientCertificates, caCerts, protocol } = request;
  const contexts: SslContext[] = [];
  try {
    for (const identity of identities) {
      contexts.push(openContext({
        role: "server",
        identity,
        alpnProtocols,
        verify: clientCertificates,
        caCerts,
        systemRoots: false,
        ...protocol,
      }));
    }
    return contexts;
  } catch (error) {
    for (const context of contexts) context[Symbol.dispose]();
    throw error;
  }
}
