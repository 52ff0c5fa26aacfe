// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// The C baseline: a single-threaded TCP echo server on epoll.
//
//   echo_epoll        listens on a free port of 127.0.0.1 and prints "listening PORT"
//
// One read and one write per event, level triggered. What a full socket does not take is kept, and
// that connection is not read from until it is gone.

#include "epoll_server.h"

enum { BUFFER_BYTES = 64 * 1024 };

struct connection {
  int fd;
  unsigned char *kept;  // bytes the socket did not take, NULL when there are none
  size_t kept_length;
  size_t kept_sent;
};

static unsigned char buffer[BUFFER_BYTES];

static void on_readable(struct connection *connection);
static void on_writable(struct connection *connection);

static void on_event(struct connection *connection) {
  if (connection->kept != NULL) on_writable(connection);
  else on_readable(connection);
}

int main(void) { serve(sizeof(struct connection), on_event); }

static void drop(struct connection *connection) {
  close(connection->fd);
  free(connection->kept);
  free(connection);
}

static void wait_for(struct connection *connection, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

static bool again(void) { return errno == EAGAIN || errno == EINTR; }

static void on_readable(struct connection *connection) {
  ssize_t length = read(connection->fd, buffer, BUFFER_BYTES);
  if (length < 0 && again()) return;
  if (length <= 0) return drop(connection);
  ssize_t sent = write(connection->fd, buffer, length);
  if (sent == length) return;
  if (sent < 0 && !again()) return drop(connection);
  if (sent < 0) sent = 0;
  connection->kept_length = length - sent;
  connection->kept_sent = 0;
  connection->kept = malloc(connection->kept_length);
  if (connection->kept == NULL) fail("keep unsent bytes");
  memcpy(connection->kept, buffer + sent, connection->kept_length);
  wait_for(connection, EPOLLOUT);
}

static void on_writable(struct connection *connection) {
  ssize_t sent = write(connection->fd, connection->kept + connection->kept_sent,
                       connection->kept_length - connection->kept_sent);
  if (sent < 0 && again()) return;
  if (sent < 0) return drop(connection);
  connection->kept_sent += sent;
  if (connection->kept_sent < connection->kept_length) return;
  free(connection->kept);
  connection->kept = NULL;
  wait_for(connection, EPOLLIN);
}
