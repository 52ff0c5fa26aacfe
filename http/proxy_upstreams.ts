// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** How a server behind a proxy is chosen. */
export type ProxyBalance = "round-robin" | "least-connections" | "consistent-hash";

/** When servers are left out. */
export interface ProxyHealth {
  /**
   * Path that is asked for; null when no server is asked, and only requests tell.
   *
   * @default {null}
   */
  path?: string | null;
  /**
   * Milliseconds between two questions, and before a server that failed gets a request again where
   * none is asked.
   *
   * @default {5000}
   */
  intervalMs?: number;
  /**
   * Milliseconds for an answer.
   *
   * @default {2000}
   */
  timeoutMs?: number;
  /**
   * Failures in a row after which a server is left out.
   *
   * @default {3}
   */
  failuresMax?: number;
  /**
   * Good answers in a row after which it is back.
   *
   * @default {2}
   */
  successesMin?: number;
}

/** What is known of a server. */
export interface UpstreamStatus {
  /** Where it is. */
  readonly url: string;
  /** Whether it gets requests. */
  readonly healthy: boolean;
  /** Requests on their way to it, or being answered. */
  readonly active: number;
  /** Requests that it was given. */
  readonly requests: number;
  /** Of them, those that it did not answer. */
  readonly failures: number;
}

/** One server behind a proxy. */
export class Upstream {
  /** Where it is, without a slash at its end. */
  readonly url: string;
  /** The same. */
  readonly location: URL;
  active = 0;
  requests = 0;
  failures = 0;
  healthy = true;
  readonly #health: Required<ProxyHealth>;
  #failuresInRow = 0;
  #successesInRow = 0;
  #ejectedMs = 0;

  /** Knows nothing bad of it yet. */
  constructor(url: URL, health: Required<ProxyHealth>) {
    this.location = url;
    this.url = url.href.replace(/\/$/, "");
    this.#health = health;
  }

  /** Whether it may be given a request: one that was left out gets a chance again, if none asks. */
  available(nowMs: number): boolean {
    return this.healthy ||
      this.#health.path === null && nowMs - this.#ejectedMs >= this.#health.intervalMs;
  }

  /** It answered. */
  succeeded(): void {
    this.#failuresInRow = 0;
    if (this.healthy || ++this.#successesInRow < this.#successesMin) return;
    this.healthy = true;
  }

  /** It did not. */
  failed(nowMs: number): void {
    this.#successesInRow = 0;
    if (!this.healthy) this.#ejectedMs = nowMs;
    if (++this.#failuresInRow < this.#health.failuresMax || !this.healthy) return;
    this.healthy = false;
    this.#ejectedMs = nowMs;
  }

  /** What is known. */
  status(): UpstreamStatus {
    const { url, healthy, active, requests, failures } = this;
    return { url, healthy, active, requests, failures };
  }

  /** A request that goes well is enough where nobody asks. */
  get #successesMin(): number {
    return this.#health.path === null ? 1 : this.#health.successesMin;
  }
}

/** Places of each server on the circle of {@linkcode UpstreamSet.choose}. */
const PLACES = 128;

/** The servers behind a proxy, and whose turn it is. */
export class UpstreamSet {
  /** All of them. */
  readonly all: readonly Upstream[];
  readonly #balance: ProxyBalance;
  readonly #circle: readonly { readonly at: number; readonly upstream: Upstream }[];
  #turn = 0;

  /** Chooses among servers. */
  constructor(all: readonly Upstream[], balance: ProxyBalance) {
    this.all = all;
    this.#balance = balance;
    this.#circle = balance !== "consistent-hash"
      ? []
      : all.flatMap((upstream) =>
        Array.from({ length: PLACES }, (_, place) => ({
          at: hash32(`${upstream.url}#${place}`),
          upstream,
        }))
      ).sort((a, b) => a.at - b.at);
  }

  /**
   * Whose turn it is.
   *
   * @param key Requests with the same go to the same server, as long as that is there; when one is
   *   left out only its own move (Karger et al., 1997)
   * @param tried Those that failed already
   */
  choose(key: string, tried: ReadonlySet<Upstream>): Upstream | null {
    const may = (upstream: Upstream) =>
      !tried.has(upstream) && (upstream.healthy || upstream.available(performance.now()));
    if (this.#balance === "consistent-hash") return this.#onCircle(key, may);
    const { length } = this.all;
    const first = this.#turn++ % length;
    let best: Upstream | null = null;
    for (let i = 0; i < length; i++) {
      const upstream = this.all[(first + i) % length];
      if (!may(upstream)) continue;
      if (this.#balance === "round-robin") {
        // Who is left out does not give its turns to its neighbour alone.
        if (i > 0) this.#turn += i;
        return upstream;
      }
      if (best === null || upstream.active < best.active) best = upstream;
    }
    return best;
  }

  #onCircle(key: string, may: (upstream: Upstream) => boolean): Upstream | null {
    const circle = this.#circle;
    const at = hash32(key);
    let low = 0;
    for (let high = circle.length; low < high;) {
      const middle = low + high >>> 1;
      if (circle[middle].at < at) low = middle + 1;
      else high = middle;
    }
    for (let i = 0; i < circle.length; i++) {
      const { upstream } = circle[(low + i) % circle.length];
      if (may(upstream)) return upstream;
    }
    return null;
  }
}

/** FNV-1a, mixed at its end (the finalizer of MurmurHash3): places are spread evenly. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
