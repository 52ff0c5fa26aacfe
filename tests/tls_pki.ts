// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A certificate with its key: as PEM, and as files for programs that want those. */
export interface Certified {
  /** Certificate chain. */
  readonly cert: string;
  /** Private key. */
  readonly key: string;
  /** Path of the chain. */
  readonly certPath: string;
  /** Path of the key. */
  readonly keyPath: string;
}

/** Certificates for tests, all made by the `openssl` command, and who signed what. */
export interface Pki {
  /** Folder of the files. */
  readonly folder: string;
  /** The authority that signed all but `selfSigned` and `stranger`, as PEM. */
  readonly ca: string;
  /** Path of the authority's certificate. */
  readonly caPath: string;
  /** For `localhost` and 127.0.0.1. */
  readonly localhost: Certified;
  /** The same with another key. */
  readonly renewed: Certified;
  /** For `other.test` and `*.wild.test`. */
  readonly other: Certified;
  /** For `localhost`, until yesterday. */
  readonly expired: Certified;
  /** For `localhost`, signed by itself. */
  readonly selfSigned: Certified;
  /** For `localhost`, with an RSA key. */
  readonly rsa: Certified;
  /** Of a client. */
  readonly client: Certified;
  /** Of a client, taken back by `crl`. */
  readonly revoked: Certified;
  /** Of a client of another authority. */
  readonly stranger: Certified;
  /** The authority's revocation list, as PEM. */
  readonly crl: string;
}

let made: Promise<Pki> | undefined;

/** Makes the certificates once; the folder goes with the process. */
export function pki(): Promise<Pki> {
  return made ??= makePki();
}

async function makePki(): Promise<Pki> {
  const folder = await Deno.makeTempDir({ prefix: "photon-pki-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await run(folder, CREATE);
  const read = (name: string) => Deno.readTextFile(`${folder}/${name}`);
  const certified = async (name: string): Promise<Certified> => ({
    cert: await read(`${name}.pem`),
    key: await read(`${name}.key`),
    certPath: `${folder}/${name}.pem`,
    keyPath: `${folder}/${name}.key`,
  });
  return {
    folder,
    ca: await read("ca.pem"),
    caPath: `${folder}/ca.pem`,
    localhost: await certified("localhost"),
    renewed: await certified("renewed"),
    other: await certified("other"),
    expired: await certified("expired"),
    selfSigned: await certified("self"),
    rsa: await certified("rsa"),
    client: await certified("client"),
    revoked: await certified("revoked"),
    stranger: await certified("stranger"),
    crl: await read("crl.pem"),
  };
}

// An authority signs with `x509`; what it took back stands in the file that `ca` keeps.
const CREATE = `
set -e
key() {
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out $1.key
}
authority() {
  key $1
  openssl req -x509 -new -key $1.key -subj "/CN=Test authority $1" -days 3650 -out $1.pem \
    -addext keyUsage=critical,keyCertSign,cRLSign
}
leaf() { # name, authority, days, names
  openssl req -new -key $1.key -subj "/CN=$1" -out $1.csr
  printf "basicConstraints=CA:false\\nextendedKeyUsage=serverAuth,clientAuth\\n$4" > $1.ext
  openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days $3 \
    -extfile $1.ext -out $1.pem
}
authority ca
authority elsewhere
for name in localhost renewed other expired client revoked stranger; do key $name; done
openssl genrsa -out rsa.key 2048
HERE="subjectAltName=DNS:localhost,IP:127.0.0.1\\n"
leaf localhost ca 3650 "$HERE"
leaf renewed ca 3650 "$HERE"
leaf rsa ca 3650 "$HERE"
leaf other ca 3650 "subjectAltName=DNS:other.test,DNS:*.wild.test\\n"
leaf expired ca -1 "$HERE"
leaf client ca 3650 ""
leaf revoked ca 3650 ""
leaf stranger elsewhere 3650 ""
key self
openssl req -x509 -new -key self.key -subj "/CN=localhost" -days 3650 -out self.pem \
  -addext subjectAltName=DNS:localhost
SERIAL=$(openssl x509 -in revoked.pem -noout -serial | cut -d= -f2)
printf "R\\t360101000000Z\\t260101000000Z\\t$SERIAL\\tunknown\\t/CN=revoked\\n" > index.txt
printf "[ca]\\ndefault_ca=own\\n[own]\\ndatabase=index.txt\\ndefault_md=sha256\\n" > ca.cnf
openssl ca -config ca.cnf -gencrl -keyfile ca.key -cert ca.pem -crldays 3650 -out crl.pem
`;

async function run(cwd: string, script: string): Promise<void> {
  const command = new Deno.Command("sh", { args: ["-c", script], cwd, stdout: "null" });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`Cannot make certificates: ${new TextDecoder().decode(stderr)}`);
}
