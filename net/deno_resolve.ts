// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { isIpAddress, withoutBrackets } from "../ffi/ip_address.ts";

/**
 * The addresses of a host by Deno's own means, IPv4 first. Deno asks the name server, and has no
 * call for the hosts file: of that only `localhost` is known.
 *
 * @throws {Error} when there is none
 */
export async function denoResolveHost(hostname: string): Promise<string[]> {
  const host = withoutBrackets(hostname);
  if (isIpAddress(host)) return [host];
  if (host === "localhost") return ["127.0.0.1", "::1"];
  const answers = await Promise.allSettled([
    Deno.resolveDns(host, "A"),
    Deno.resolveDns(host, "AAAA"),
  ]);
  const addresses = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
  if (addresses.length > 0) return addresses;
  const refused = answers.find((answer) => answer.status === "rejected");
  if (refused?.reason instanceof Deno.errors.NotCapable) throw refused.reason;
  throw new Error("failed to lookup address information: Name or service not known");
}
