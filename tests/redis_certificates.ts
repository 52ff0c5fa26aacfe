// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** PEM files in a folder: an authority, a certificate for `localhost`, and one that is over. */
export async function makeCertificates(folder: string): Promise<void> {
  const run = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  await Deno.writeTextFile(
    `${folder}/san`,
    "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth",
  );
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await run(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-subj",
    "/CN=ca",
    "-days",
    "2",
  );
  for (const name of ["good", "old"]) {
    await run(
      "req",
      ...key,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      "/CN=localhost",
    );
    // A day that is negative ended before it began: over.
    const days = name === "good" ? "2" : "-1";
    const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san"];
    await run(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-out",
      `${name}.crt`,
      ...authority,
      "-days",
      days,
    );
  }
}
