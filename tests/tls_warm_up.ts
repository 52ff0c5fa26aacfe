// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { alpnSelector } from "../ffi/ssl_alpn.ts";
import { cipherOrder } from "../ffi/ssl_ciphers.ts";
import { keyLogger } from "../ffi/ssl_key_log.ts";
import { sslPipe } from "../ffi/ssl_pipe.ts";
import { engineInfo } from "../io/engine_info.ts";

// Opens what TLS opens once and keeps, so that no test is blamed for it: the libraries, the memory
// BIOs, and a callback, for which libffi maps Deno's own file.

if (engineInfo().engine === "uring") {
  cipherOrder();
  sslPipe();
  alpnSelector();
  keyLogger();
}
