// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// The C baseline of http-server: a single-threaded HTTP server on epoll that answers every request
// head with the same "Hello, World!".
//
//   http_epoll        listens on a free port of 127.0.0.1 and prints "listening PORT"
//
// It looks for the empty line and for nothing else: no header is read, no body taken. The Date is
// kept for a second, as any server keeps it. All responses to what one read brought leave in one
// write.

#include "epoll_server.h"
#include <time.h>

enum { BUFFER_BYTES = 64 * 1024, RESPONSE_BYTES_MAX = 256 };

struct connection {
  int fd;
  size_t matched;  // bytes of CR LF CR LF seen at the end of what came so far
};

static char input[BUFFER_BYTES];
static char output[BUFFER_BYTES / 4 * RESPONSE_BYTES_MAX];
static char response[RESPONSE_BYTES_MAX];
static size_t response_length;
static time_t response_time;

static void on_readable(struct connection *connection);

int main(void) { serve(sizeof(struct connection), on_readable); }

static void drop(struct connection *connection) {
  close(connection->fd);
  free(connection);
}

// Builds the response anew when the second has changed.
static void refresh_response(void) {
  time_t now = time(NULL);
  if (now == response_time) return;
  response_time = now;
  char date[64];
  struct tm parts;
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
  response_length = (size_t)snprintf(
      response, sizeof response,
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 13\r\n"
      "date: %s\r\n\r\nHello, World!", date);
}

// Heads that end in the bytes; the end of one may be spread over several reads.
static size_t count_heads(struct connection *connection, const char *bytes, size_t length) {
  static const char end[] = "\r\n\r\n";
  size_t heads = 0, matched = connection->matched;
  for (size_t i = 0; i < length; i++) {
    matched = bytes[i] == end[matched] ? matched + 1 : bytes[i] == '\r' ? 1 : 0;
    if (matched == 4) heads++, matched = 0;
  }
  connection->matched = matched;
  return heads;
}

static void on_readable(struct connection *connection) {
  ssize_t length = read(connection->fd, input, BUFFER_BYTES);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) return drop(connection);
  size_t heads = count_heads(connection, input, (size_t)length);
  refresh_response();
  for (size_t i = 0; i < heads; i++) {
    memcpy(output + i * response_length, response, response_length);
  }
  // A closed loop never fills the socket; a peer that does is given up.
  size_t due = heads * response_length;
  if (due > 0 && write(connection->fd, output, due) != (ssize_t)due) drop(connection);
}
