// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// A server on epoll with one thread: listens on a free port of 127.0.0.1, prints "listening PORT",
// and hands every event of a connection on. A server includes it and calls serve().

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 1024, BACKLOG = 1024 };

// Each server's own; its first member is `int fd`.
struct connection;

static int epoll_fd;

__attribute__((noreturn)) static inline void fail(const char *action) {
  fprintf(stderr, "Cannot %s: %s\n", action, strerror(errno));
  exit(1);
}

static inline int listen_on_free_port(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) < 0) fail("bind");
  if (listen(fd, BACKLOG) < 0) fail("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) fail("read the bound port");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static inline void accept_all(int listen_fd, size_t connection_bytes) {
  for (;;) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    void *connection = calloc(1, connection_bytes);
    if (connection == NULL) fail("allocate a connection");
    *(int *)connection = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

// Serves for ever. A connection has `connection_bytes`, all 0 but for its descriptor.
static inline void serve(size_t connection_bytes, void (*on_event)(struct connection *connection)) {
  signal(SIGPIPE, SIG_IGN);
  int listen_fd = listen_on_free_port();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  // The listener is the one entry without a connection behind it.
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
  struct epoll_event events[EVENTS_MAX];
  for (;;) {
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL) accept_all(listen_fd, connection_bytes);
      else on_event(events[i].data.ptr);
    }
  }
}
