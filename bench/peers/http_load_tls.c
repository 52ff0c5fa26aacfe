// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// http_load.c over TLS on OpenSSL. No certificate is checked.

#include "load.h"

#include <openssl/ssl.h>

enum { SESSIONS_MAX = 16384 };

static SSL *sessions[SESSIONS_MAX];  // by the number of their connection

static void tls_opened(struct peer *peer);
static ssize_t tls_read(struct peer *peer, void *bytes, size_t room);
static ssize_t tls_write(struct peer *peer, const void *bytes, size_t length);

#define PEER_READ tls_read
#define PEER_WRITE tls_write
#define PEER_OPENED tls_opened
#include "http_load.c"

// Shakes hands while the socket still blocks.
static void tls_opened(struct peer *peer) {
  static SSL_CTX *context;
  if (context == NULL) context = SSL_CTX_new(TLS_client_method());
  SSL *session = sessions[peer->number] = SSL_new(context);
  SSL_set_fd(session, peer->fd);
  SSL_set_mode(session, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_connect(session) != 1) fail("Cannot shake hands on connection %u", peer->number);
}

// What read(2) and write(2) would say.
static ssize_t result_of(struct peer *peer, int result) {
  if (result > 0) return result;
  int error = SSL_get_error(sessions[peer->number], result);
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  bool again = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  errno = again ? EAGAIN : EPROTO;
  return -1;
}

// A record at most, for which there is room: what is behind it is still in the socket.
static ssize_t tls_read(struct peer *peer, void *bytes, size_t room) {
  return result_of(peer, SSL_read(sessions[peer->number], bytes, (int)room));
}

static ssize_t tls_write(struct peer *peer, const void *bytes, size_t length) {
  return result_of(peer, SSL_write(sessions[peer->number], bytes, (int)length));
}
