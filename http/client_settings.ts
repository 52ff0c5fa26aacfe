// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StartTlsOptions } from "../net/tls_options.ts";
import type { HttpClientOptions } from "./client_options.ts";
import { DEFAULT_FIELDS } from "./client_request_head.ts";
import { type Proxy, readProxy } from "./client_route.ts";
import type { ClientTarget } from "./client_target.ts";
import { ProxyEnvironment } from "./proxy_environment.ts";

/** What TLS is told of by a client's options. */
export function tlsOptions({ tls = {}, caCerts, cert, key }: HttpClientOptions): StartTlsOptions {
  return {
    ...tls,
    ...(caCerts && { caCerts }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** Which proxy a request goes through: the one that was named, or what the environment says. */
export function proxyRule(
  proxy: HttpClientOptions["proxy"],
): (target: ClientTarget) => Proxy | null {
  if (proxy === null) return () => null;
  if (proxy !== undefined) {
    const one = readProxy(proxy);
    return () => one;
  }
  const environment = new ProxyEnvironment();
  return ({ secure, hostname, port }) => {
    const found = environment.proxyFor(secure, hostname, port);
    return found === null ? null : readProxy(found);
  };
}

/** The fields that requests have beside the caller's. */
export function defaultFields(
  own: Record<string, string | null> = {},
): readonly (readonly [string, string])[] {
  const fields = new Map(DEFAULT_FIELDS);
  for (const [name, value] of Object.entries(own)) {
    if (value === null) fields.delete(name.toLowerCase());
    // What is no field is refused in the platform's words.
    else for (const [lower, checked] of new Headers([[name, value]])) fields.set(lower, checked);
  }
  return [...fields];
}
