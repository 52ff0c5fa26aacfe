// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import process from "node:process";
import type tls from "node:tls";

/** Whom a client trusts beside those that it is told of. */
export interface EnvironmentRoots {
  /** Whether it trusts whom the system trusts. */
  readonly system: boolean;
  /** Certificates, as PEM. */
  readonly certificates: readonly string[];
}

/** Names a file of certificates to trust. */
const FILE_VARIABLE = "DENO_CERT";
/** Names the stores of certificates to trust: some of {@linkcode STORES}, with commas between. */
const STORES_VARIABLE = "DENO_TLS_CA_STORE";
const STORES: readonly string[] = ["system", "mozilla"];

/**
 * Whom the environment says to trust, in the variables that Deno itself has. Deno's own TLS reads
 * them as the process begins; here they are read when first asked for, once.
 *
 * - `DENO_CERT` names a file of certificates to trust beside all others.
 * - `DENO_TLS_CA_STORE` names stores: `system` is what OpenSSL finds on this system, and what is
 *   trusted when nothing is said, where Deno has `mozilla`: Mozilla's roots, which come with Deno
 *   and are had by way of `node:tls`. Without `system` in it the system's are not trusted.
 *
 * A program that may not read a variable, or the file, is as without: it is not prompted.
 *
 * @throws {Deno.errors.NotFound} when there is no such file
 * @throws {Deno.errors.InvalidData} when there is no certificate in it
 * @throws {Deno.errors.NotCapable} when `mozilla` is asked for without `--allow-sys`, which Deno
 * wants for it: to trust others instead would be no answer
 * @throws {Error} when there is no such store, in Deno's words
 */
export function environmentRoots(): EnvironmentRoots {
  return roots ??= readRoots();
}

let roots: EnvironmentRoots | undefined;

function readRoots(): EnvironmentRoots {
  const stores = readStores();
  const mozilla = stores.includes("mozilla") ? mozillaRoots() : [];
  return { system: stores.includes("system"), certificates: [...mozilla, ...readFile()] };
}

function readStores(): readonly string[] {
  const names = variable(STORES_VARIABLE).split(",").map((name) => name.trim());
  const stores = names.filter((name) => name !== "");
  for (const store of stores) {
    if (STORES.includes(store)) continue;
    throw new Error(`Unknown certificate store "${store}" specified (allowed: "${STORES}")`);
  }
  return stores.length === 0 ? ["system"] : stores;
}

function mozillaRoots(): readonly string[] {
  return (process.getBuiltinModule("node:tls") as typeof tls).rootCertificates;
}

function readFile(): readonly string[] {
  const path = variable(FILE_VARIABLE);
  if (path === "" || !isGranted({ name: "read", path })) return [];
  const pem = Deno.readTextFileSync(path);
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return [pem];
  throw new Deno.errors.InvalidData(
    `Cannot trust the certificates of ${FILE_VARIABLE}: there are none in ${path}`,
  );
}

/** What a variable says; nothing where it may not be read. */
function variable(name: string): string {
  return isGranted({ name: "env", variable: name }) ? Deno.env.get(name) ?? "" : "";
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
