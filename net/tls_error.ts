// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  OpenSslError,
  OpenSslLibrary,
  OpenSslReason,
  verifyErrorText,
} from "../ffi/openssl_error.ts";

/**
 * The error that Deno throws for what OpenSSL complained about, in the words of Deno's TLS
 * (rustls) where it has words for it. OpenSSL's own are in the `cause`.
 *
 * @param error OpenSSL's complaint; anything else is given back as it is
 * @param verifyResult What the verification of the peer's certificate gave, 0 when it was accepted
 */
export function tlsError(error: unknown, verifyResult = 0): unknown {
  if (!(error instanceof OpenSslError)) return error;
  return new Deno.errors.InvalidData(messageOf(error, verifyResult), { cause: error });
}

/** The stream ended without a goodbye (close_notify): bytes may have been cut off by anybody. */
export function cutOffError(): Error {
  return new Deno.errors.UnexpectedEof(
    "peer closed connection without sending TLS close_notify",
  );
}

/** The stream ended before the handshake did. */
export function unfinishedError(): Error {
  return new Deno.errors.UnexpectedEof("unexpected end of file");
}

function messageOf({ library, reason, message }: OpenSslError, verifyResult: number): string {
  if (library !== OpenSslLibrary.ssl) return message;
  if (reason === OpenSslReason.certificateRefused) {
    const text = verifyErrorText(verifyResult);
    return `invalid peer certificate: ${VERIFY_NAMES[verifyResult] ?? "Other"} (${text})`;
  }
  if (reason === OpenSslReason.certificateMissing) return "peer sent no certificates";
  if (reason === OpenSslReason.noProtocolMatches) return "peer doesn't support any known protocol";
  const alert = ALERT_NAMES[reason - OpenSslReason.alertReceived];
  if (alert !== undefined) return `received fatal alert: ${alert}`;
  return `received corrupt message: ${message}`;
}

/** What a connection ends with whose peer asks for what only OpenSSL could send. */
export function newKeysError(): Error {
  return new Deno.errors.NotSupported(
    "Cannot answer the peer: the kernel makes the records, and gives no new keys",
  );
}

// Data: the verification results of OpenSSL that Deno's TLS has a name for (openssl/x509_vfy.h).
// deno-fmt-ignore
const VERIFY_NAMES: Record<number, string> = {
   2: "UnknownIssuer",           // unable to get issuer certificate
   7: "BadSignature",
   9: "NotValidYet",
  10: "Expired",
  12: "ExpiredRevocationList",
  18: "UnknownIssuer",           // self-signed certificate
  19: "UnknownIssuer",           // self-signed certificate in certificate chain
  20: "UnknownIssuer",           // unable to get local issuer certificate
  21: "UnknownIssuer",           // unable to verify the first certificate
  23: "Revoked",
   3: "UnknownRevocationStatus", // unable to get certificate CRL
  26: "InvalidPurpose",
  62: "NotValidForName",         // hostname mismatch
  64: "NotValidForName",         // IP address mismatch
};

// Data: the alerts (RFC 8446 section 6) as Deno's TLS names them.
// deno-fmt-ignore
const ALERT_NAMES: Record<number, string> = {
   10: "UnexpectedMessage",
   20: "BadRecordMac",
   21: "DecryptionFailed",
   22: "RecordOverflow",
   30: "DecompressionFailure",
   40: "HandshakeFailure",
   41: "NoCertificate",
   42: "BadCertificate",
   43: "UnsupportedCertificate",
   44: "CertificateRevoked",
   45: "CertificateExpired",
   46: "CertificateUnknown",
   47: "IllegalParameter",
   48: "UnknownCA",
   49: "AccessDenied",
   50: "DecodeError",
   51: "DecryptError",
   70: "ProtocolVersion",
   71: "InsufficientSecurity",
   80: "InternalError",
   86: "InappropriateFallback",
   90: "UserCanceled",
  109: "MissingExtension",
  110: "UnsupportedExtension",
  112: "UnrecognisedName",
  113: "BadCertificateStatusResponse",
  115: "UnknownPSKIdentity",
  116: "CertificateRequired",
  120: "NoApplicationProtocol",
};
