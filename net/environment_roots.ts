// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** The variable that names a file of certificates to trust, as Deno itself has it. */
const VARIABLE = "DENO_CERT";

/**
 * Certificates, as PEM, that are trusted beside the system's: those of the file that `DENO_CERT`
 * names. Deno's own TLS reads it as the process begins; this is read when first asked for, once.
 *
 * A program that may not read the variable, or its file, has none: it is not prompted.
 *
 * @throws {Deno.errors.NotFound} when there is no such file
 * @throws {Deno.errors.InvalidData} when there is no certificate in it
 */
export function environmentRoots(): readonly string[] {
  return roots ??= readRoots();
}

let roots: readonly string[] | undefined;

function readRoots(): readonly string[] {
  if (!isGranted({ name: "env", variable: VARIABLE })) return [];
  const path = Deno.env.get(VARIABLE);
  if (!path || !isGranted({ name: "read", path })) return [];
  const pem = Deno.readTextFileSync(path);
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return [pem];
  throw new Deno.errors.InvalidData(
    `Cannot trust the certificates of ${VARIABLE}: there are none in ${path}`,
  );
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
