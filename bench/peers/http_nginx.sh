#!/bin/sh
# Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
# HTTP server on nginx: one process, no log, the text from memory. http_nginx.sh DIRECTORY
directory=$(mktemp -d "$1/nginx.XXXXXX")
port=$((20000 + $$ % 40000))
cat >"$directory/nginx.conf" <<CONF
daemon off;
master_process off;
worker_processes 1;
pid $directory/pid;
error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path $directory/body;
  proxy_temp_path $directory/proxy;
  fastcgi_temp_path $directory/fastcgi;
  uwsgi_temp_path $directory/uwsgi;
  scgi_temp_path $directory/scgi;
  default_type text/plain;
  server {
    listen 127.0.0.1:$port;
    location / { return 200 "Hello, World!"; }
  }
}
CONF
# nginx says nothing when it is ready: it is asked.
(
  until curl -s -o "$directory/out" "http://127.0.0.1:$port/"; do sleep 0.02; done
  echo "listening $port nginx"
) &
exec nginx -p "$directory" -c "$directory/nginx.conf"
