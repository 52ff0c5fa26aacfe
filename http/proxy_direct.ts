// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { joinBytes } from "../io/copy_bytes.ts";
import type { ClientCore } from "./client_core.ts";
import type { ClientExchange } from "./client_exchange.ts";
import type { ClientRequest } from "./client_request.ts";
import { ClientResponse } from "./client_response.ts";
import { targetOf } from "./client_target.ts";
import { Exchange } from "./exchange.ts";
import { fieldLines, PreparedResponse } from "./prepared_response.ts";
import { forwardedHead, hasField, type ProxyLines, returnedFields } from "./proxy_head.ts";
import { claims } from "./proxy_headers.ts";
import type { Upstream } from "./proxy_upstreams.ts";
import { ServerRequest } from "./request.ts";

/** Methods of requests that go this way; the rest have rules of their own. */
const METHODS: ReadonlySet<string> = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/**
 * The exchange of a request that may be passed on as octets: one that came to `serve` as it is
 * given here, and has no content.
 */
export function directExchange(request: Request, info: object): Exchange | null {
  if (!(info instanceof Exchange) || info.request as object !== request) return null;
  return info.wantsUpgrade || !METHODS.has(request.method) ? null : info;
}

/**
 * Passes requests without content on, and whole answers back, from head to head: no `Headers`, no
 * URL and no stream is made. What it passes on is what `requestFields` and `responseFields` would;
 * where that takes more than a look at names, it leaves the request to them.
 */
export class DirectForwarder {
  readonly #client: ClientCore;
  readonly #preservesHost: boolean;
  readonly #places: Map<Upstream, UpstreamPlace> = new Map();
  readonly #said: WeakMap<Deno.Addr, Said> = new WeakMap();

  /** Sends with a client. */
  constructor(client: ClientCore, preservesHost: boolean) {
    this.#client = client;
    this.#preservesHost = preservesHost;
  }

  /**
   * Begins to pass a request on; null when it has to go another way.
   *
   * @throws {Error} when the client must not, or is closed
   */
  begin({ request, remoteAddr }: Exchange, upstream: Upstream): ClientExchange | null {
    const received = ServerRequest.headOf(request);
    const place = this.#placeOf(upstream);
    if (received === null || place === null) return null;
    const clientHost = request.header("host") ?? "";
    const said = this.#saidOf(remoteAddr, request.scheme, clientHost);
    const { method } = request;
    const lines: ProxyLines = {
      prefix: place.prefix,
      host: this.#preservesHost && clientHost !== "" ? hostLine(clientHost) : place.host,
      last: method === "POST" || method === "PUT" ? said.empty : said.none,
    };
    const head = forwardedHead(received, lines);
    if (head === null) return null;
    let asked = place.requests.get(method);
    if (asked === undefined) place.requests.set(method, asked = { ...place.request, method });
    return this.#client.begin(asked, head);
  }

  #placeOf(upstream: Upstream): UpstreamPlace | null {
    let place = this.#places.get(upstream);
    if (place === undefined) this.#places.set(upstream, place = placeOf(upstream));
    return place.isPlain ? place : null;
  }

  /** A client says the same with each request, as a rule. */
  #saidOf(remoteAddr: Deno.Addr, scheme: string, host: string): Said {
    let said = this.#said.get(remoteAddr);
    if (said === undefined || said.host !== host) {
      const fields = claims({ remoteAddr, scheme, host });
      const end = encoder.encode("\r\n");
      said = {
        host,
        none: joinBytes(fieldLines(fields), end),
        empty: joinBytes(fieldLines([...fields, ["content-length", "0"]]), end),
      };
      this.#said.set(remoteAddr, said);
    }
    return said;
  }
}

/**
 * A whole answer as it goes back; null for one that has to go another way, and is as it was.
 *
 * @param make Makes the same as a `Response` of Deno's own
 */
export function directAnswer(
  response: Response,
  make: (content: Uint8Array<ArrayBuffer> | null) => Response,
): Response | null {
  const { status } = response;
  if (status < 200 || status > 599) return null;
  const whole = ClientResponse.wholeOf(response);
  if (whole === null) return null;
  const { received } = whole;
  const isBodiless = status === 204 || status === 205 || status === 304;
  // An answer to HEAD has a length, and no content.
  if (whole.content === null && !isBodiless) return null;
  const content = isBodiless ? null : whole.content;
  const fields = returnedFields(received);
  if (fields === null) return null;
  const isDated = hasField(received, "date");
  const answer = { status, fields, isDated, content, headRoom: 0 };
  return new PreparedResponse(answer, () => make(content)) as unknown as Response;
}

/** What goes to a server is the same for all requests but for their heads. */
interface UpstreamPlace extends Omit<ProxyLines, "last"> {
  /** Whether nothing of its URL is for the request. */
  readonly isPlain: boolean;
  readonly request: ClientRequest;
  readonly requests: Map<string, ClientRequest>;
}

/** What is said of a client, with nothing behind it, and with an empty content. */
interface Said {
  readonly host: string;
  readonly none: Uint8Array;
  readonly empty: Uint8Array;
}

function placeOf({ location }: Upstream): UpstreamPlace {
  const { pathname, search, hash, username, password, host } = location;
  const request: ClientRequest = {
    target: targetOf(location),
    method: "GET",
    headers: [],
    content: null,
    redirect: "manual",
    signal: null,
    integrity: "",
  };
  return {
    isPlain: search + hash + username + password === "",
    prefix: encoder.encode(pathname.replace(/\/$/, "")),
    host: hostLine(host),
    request,
    requests: new Map(),
  };
}

/** The end of the request line, and `Host`. */
function hostLine(host: string): Uint8Array {
  return encoder.encode(` HTTP/1.1\r\nhost: ${host}\r\n`);
}

const encoder = new TextEncoder();
