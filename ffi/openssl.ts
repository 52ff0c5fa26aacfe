// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openLibrary } from "./load.ts";

// Data: the calls of libcrypto, one a row, with the C prototype beside it.
// deno-fmt-ignore
const cryptoSymbols = {
  OpenSSL_version_num: { parameters: [], result: "u64" },                                          // unsigned long OpenSSL_version_num(void)
  ERR_clear_error:     { parameters: [], result: "void" },                                         // void ERR_clear_error(void)
  ERR_get_error:       { parameters: [], result: "u64" },                                          // unsigned long ERR_get_error(void)
  ERR_error_string_n:  { parameters: ["u64", "buffer", "usize"], result: "void" },                 // void ERR_error_string_n(unsigned long e, char *buf, size_t len)
  BIO_new_mem_buf:     { parameters: ["buffer", "i32"], result: "pointer" },                       // BIO *BIO_new_mem_buf(const void *buf, int len)
  BIO_new_bio_pair:    { parameters: ["buffer", "usize", "buffer", "usize"], result: "i32" },      // int BIO_new_bio_pair(BIO **bio1, size_t writebuf1, BIO **bio2, size_t writebuf2)
  BIO_up_ref:          { parameters: ["pointer"], result: "i32" },                                 // int BIO_up_ref(BIO *)
  BIO_free:            { parameters: ["pointer"], result: "i32" },                                 // int BIO_free(BIO *)
  BIO_nwrite0:         { parameters: ["pointer", "buffer"], result: "i32" },                       // int BIO_nwrite0(BIO *, char **buf)
  BIO_nwrite:          { parameters: ["pointer", "buffer", "i32"], result: "i32" },                // int BIO_nwrite(BIO *, char **buf, int num)
  BIO_nread:           { parameters: ["pointer", "buffer", "i32"], result: "i32" },                // int BIO_nread(BIO *, char **buf, int num)
  BIO_ctrl_pending:    { parameters: ["pointer"], result: "u32" },                                 // size_t BIO_ctrl_pending(BIO *), of a pipe of less than 4 GiB
  PEM_read_bio_X509:   { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "pointer" },           // X509 *PEM_read_bio_X509(BIO *, X509 **, pem_password_cb *, void *)
  PEM_read_bio_X509_CRL:   { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "pointer" },       // X509_CRL *PEM_read_bio_X509_CRL(BIO *, X509_CRL **, pem_password_cb *, void *)
  PEM_read_bio_PrivateKey: { parameters: ["pointer", "pointer", "pointer", "buffer"], result: "pointer" },        // EVP_PKEY *PEM_read_bio_PrivateKey(BIO *, EVP_PKEY **, pem_password_cb *, void *)
  EVP_PKEY_free:       { parameters: ["pointer"], result: "void" },                                // void EVP_PKEY_free(EVP_PKEY *)
  X509_free:           { parameters: ["pointer"], result: "void" },                                // void X509_free(X509 *)
  X509_CRL_free:       { parameters: ["pointer"], result: "void" },                                // void X509_CRL_free(X509_CRL *)
  X509_check_host:     { parameters: ["pointer", "buffer", "usize", "u32", "pointer"], result: "i32" },           // int X509_check_host(X509 *, const char *name, size_t len, unsigned flags, char **peer)
  X509_check_ip_asc:   { parameters: ["pointer", "buffer", "u32"], result: "i32" },                // int X509_check_ip_asc(X509 *, const char *address, unsigned flags)
  i2d_X509:            { parameters: ["pointer", "buffer"], result: "i32" },                       // int i2d_X509(const X509 *, unsigned char **out)
  X509_STORE_add_cert: { parameters: ["pointer", "pointer"], result: "i32" },                      // int X509_STORE_add_cert(X509_STORE *, X509 *)
  X509_STORE_add_crl:  { parameters: ["pointer", "pointer"], result: "i32" },                      // int X509_STORE_add_crl(X509_STORE *, X509_CRL *)
  X509_STORE_set_flags: { parameters: ["pointer", "u64"], result: "i32" },                         // int X509_STORE_set_flags(X509_STORE *, unsigned long)
  X509_VERIFY_PARAM_set_hostflags: { parameters: ["pointer", "u32"], result: "void" },             // void X509_VERIFY_PARAM_set_hostflags(X509_VERIFY_PARAM *, unsigned)
  X509_VERIFY_PARAM_set1_host:     { parameters: ["pointer", "buffer", "usize"], result: "i32" },  // int X509_VERIFY_PARAM_set1_host(X509_VERIFY_PARAM *, const char *, size_t)
  X509_VERIFY_PARAM_set1_ip_asc:   { parameters: ["pointer", "buffer"], result: "i32" },           // int X509_VERIFY_PARAM_set1_ip_asc(X509_VERIFY_PARAM *, const char *)
  EVP_aes_128_gcm:     { parameters: [], result: "pointer" },                                      // const EVP_CIPHER *EVP_aes_128_gcm(void)
  EVP_chacha20_poly1305: { parameters: [], result: "pointer" },                                    // const EVP_CIPHER *EVP_chacha20_poly1305(void)
  EVP_CIPHER_CTX_new:  { parameters: [], result: "pointer" },                                      // EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void)
  EVP_CIPHER_CTX_free: { parameters: ["pointer"], result: "void" },                                // void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *)
  EVP_EncryptInit_ex:  { parameters: ["pointer", "pointer", "pointer", "buffer", "buffer"], result: "i32" },      // int EVP_EncryptInit_ex(EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *key, const unsigned char *iv)
  EVP_EncryptUpdate:   { parameters: ["pointer", "buffer", "buffer", "buffer", "i32"], result: "i32" },           // int EVP_EncryptUpdate(EVP_CIPHER_CTX *, unsigned char *out, int *outl, const unsigned char *in, int inl)
  EVP_EncryptFinal_ex: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },             // int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *, unsigned char *out, int *outLength)
  EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "buffer"], result: "i32" },         // int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *, int type, int, void *)
  X509_verify_cert_error_string:   { parameters: ["i64"], result: "pointer" },                     // const char *X509_verify_cert_error_string(long)
} as const satisfies Deno.ForeignLibraryInterface;

// Data: the calls of libssl.
// deno-fmt-ignore
const sslSymbols = {
  TLS_server_method:   { parameters: [], result: "pointer" },                                      // const SSL_METHOD *TLS_server_method(void)
  TLS_client_method:   { parameters: [], result: "pointer" },                                      // const SSL_METHOD *TLS_client_method(void)
  SSL_CTX_new:         { parameters: ["pointer"], result: "pointer" },                             // SSL_CTX *SSL_CTX_new(const SSL_METHOD *)
  SSL_CTX_free:        { parameters: ["pointer"], result: "void" },                                // void SSL_CTX_free(SSL_CTX *)
  SSL_CTX_ctrl:        { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },        // long SSL_CTX_ctrl(SSL_CTX *, int cmd, long larg, void *parg)
  SSL_CTX_set_options: { parameters: ["pointer", "u64"], result: "u64" },                          // uint64_t SSL_CTX_set_options(SSL_CTX *, uint64_t)
  SSL_CTX_set_ciphersuites: { parameters: ["pointer", "buffer"], result: "i32" },                  // int SSL_CTX_set_ciphersuites(SSL_CTX *, const char *)
  SSL_CTX_set_cipher_list:  { parameters: ["pointer", "buffer"], result: "i32" },                  // int SSL_CTX_set_cipher_list(SSL_CTX *, const char *)
  SSL_CTX_set_keylog_callback: { parameters: ["pointer", "function"], result: "void" },            // void SSL_CTX_set_keylog_callback(SSL_CTX *, void (*)(const SSL *, const char *line))
  SSL_CTX_set_verify:  { parameters: ["pointer", "i32", "pointer"], result: "void" },              // void SSL_CTX_set_verify(SSL_CTX *, int mode, SSL_verify_cb)
  SSL_CTX_set_default_verify_paths: { parameters: ["pointer"], result: "i32" },                    // int SSL_CTX_set_default_verify_paths(SSL_CTX *)
  SSL_CTX_get_cert_store: { parameters: ["pointer"], result: "pointer" },                          // X509_STORE *SSL_CTX_get_cert_store(const SSL_CTX *)
  SSL_CTX_add_client_CA:  { parameters: ["pointer", "pointer"], result: "i32" },                   // int SSL_CTX_add_client_CA(SSL_CTX *, X509 *)
  SSL_CTX_use_certificate: { parameters: ["pointer", "pointer"], result: "i32" },                  // int SSL_CTX_use_certificate(SSL_CTX *, X509 *)
  SSL_CTX_use_PrivateKey:  { parameters: ["pointer", "pointer"], result: "i32" },                  // int SSL_CTX_use_PrivateKey(SSL_CTX *, EVP_PKEY *)
  SSL_CTX_set_session_id_context: { parameters: ["pointer", "buffer", "u32"], result: "i32" },     // int SSL_CTX_set_session_id_context(SSL_CTX *, const unsigned char *, unsigned)
  SSL_CTX_set_num_tickets: { parameters: ["pointer", "usize"], result: "i32" },                    // int SSL_CTX_set_num_tickets(SSL_CTX *, size_t)
  SSL_CTX_set_alpn_protos: { parameters: ["pointer", "buffer", "u32"], result: "i32" },            // int SSL_CTX_set_alpn_protos(SSL_CTX *, const unsigned char *, unsigned)
  SSL_CTX_set_alpn_select_cb: { parameters: ["pointer", "function", "pointer"], result: "void" },  // void SSL_CTX_set_alpn_select_cb(SSL_CTX *, SSL_CTX_alpn_select_cb_func, void *)
  SSL_new:             { parameters: ["pointer"], result: "pointer" },                             // SSL *SSL_new(SSL_CTX *)
  SSL_free_buffers:    { parameters: ["pointer"], result: "i32" },                                 // int SSL_free_buffers(SSL *)
  SSL_free:            { parameters: ["pointer"], result: "void" },                                // void SSL_free(SSL *)
  SSL_set_bio:         { parameters: ["pointer", "pointer", "pointer"], result: "void" },          // void SSL_set_bio(SSL *, BIO *rbio, BIO *wbio)
  SSL_set_accept_state:  { parameters: ["pointer"], result: "void" },                              // void SSL_set_accept_state(SSL *)
  SSL_set_connect_state: { parameters: ["pointer"], result: "void" },                              // void SSL_set_connect_state(SSL *)
  SSL_ctrl:            { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },        // long SSL_ctrl(SSL *, int cmd, long, void *)
  SSL_ctrl_bytes:      { name: "SSL_ctrl", parameters: ["pointer", "i32", "i64", "buffer"], result: "i64" },      // long SSL_ctrl(SSL *, int cmd, long larg, void *parg)
  SSL_do_handshake:    { parameters: ["pointer"], result: "i32" },                                 // int SSL_do_handshake(SSL *)
  SSL_read:            { parameters: ["pointer", "buffer", "i32"], result: "i32" },                // int SSL_read(SSL *, void *, int)
  SSL_write:           { parameters: ["pointer", "buffer", "i32"], result: "i32" },                // int SSL_write(SSL *, const void *, int)
  SSL_get_key_update_type: { parameters: ["pointer"], result: "i32" },                             // int SSL_get_key_update_type(const SSL *)
  SSL_shutdown:        { parameters: ["pointer"], result: "i32" },                                 // int SSL_shutdown(SSL *)
  SSL_get_shutdown:    { parameters: ["pointer"], result: "i32" },                                 // int SSL_get_shutdown(const SSL *)
  SSL_get_error:       { parameters: ["pointer", "i32"], result: "i32" },                          // int SSL_get_error(const SSL *, int result)
  SSL_get0_param:      { parameters: ["pointer"], result: "pointer" },                             // X509_VERIFY_PARAM *SSL_get0_param(SSL *)
  SSL_get_verify_result:   { parameters: ["pointer"], result: "i64" },                             // long SSL_get_verify_result(const SSL *)
  SSL_get0_alpn_selected:  { parameters: ["pointer", "buffer", "buffer"], result: "void" },        // void SSL_get0_alpn_selected(const SSL *, const unsigned char **, unsigned *)
  SSL_get_version:     { parameters: ["pointer"], result: "pointer" },                             // const char *SSL_get_version(const SSL *)
  SSL_get_current_cipher:  { parameters: ["pointer"], result: "pointer" },                         // const SSL_CIPHER *SSL_get_current_cipher(const SSL *)
  SSL_CIPHER_standard_name: { parameters: ["pointer"], result: "pointer" },                        // const char *SSL_CIPHER_standard_name(const SSL_CIPHER *)
  SSL_get1_peer_certificate: { parameters: ["pointer"], result: "pointer" },                       // X509 *SSL_get1_peer_certificate(const SSL *)
  SSL_session_reused:  { parameters: ["pointer"], result: "i32" },                                 // int SSL_session_reused(const SSL *)
  SSL_get1_session:    { parameters: ["pointer"], result: "pointer" },                             // SSL_SESSION *SSL_get1_session(SSL *)
  SSL_set_session:     { parameters: ["pointer", "pointer"], result: "i32" },                      // int SSL_set_session(SSL *, SSL_SESSION *)
  SSL_SESSION_is_resumable: { parameters: ["pointer"], result: "i32" },                            // int SSL_SESSION_is_resumable(const SSL_SESSION *)
  SSL_SESSION_free:    { parameters: ["pointer"], result: "void" },                                // void SSL_SESSION_free(SSL_SESSION *)
} as const satisfies Deno.ForeignLibraryInterface;

/** The calls of OpenSSL, libssl's and libcrypto's together. */
export type OpenSsl =
  & Deno.DynamicLibrary<typeof cryptoSymbols>["symbols"]
  & Deno.DynamicLibrary<typeof sslSymbols>["symbols"];

const HINT = "TLS on the ring needs OpenSSL 3: install libssl3 (Debian), openssl (Alpine, Arch) " +
  "or openssl-libs (Fedora), or set PHOTON_ENGINE=deno to use Deno's own TLS";

let opened: OpenSsl | undefined;

/**
 * OpenSSL 3 of this system; opened at the first call.
 *
 * @throws {Deno.errors.NotCapable} when `--allow-ffi` was not granted
 * @throws {Deno.errors.NotSupported} when it is not installed; the message says what to install
 */
export function openssl(): OpenSsl {
  return opened ??= open();
}

function open(): OpenSsl {
  try {
    const crypto = openLibrary(["libcrypto.so.3"], cryptoSymbols).symbols;
    const ssl = openLibrary(["libssl.so.3"], sslSymbols).symbols;
    return { ...crypto, ...ssl };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotSupported(`${error.message}. ${HINT}`, { cause: error });
  }
}
