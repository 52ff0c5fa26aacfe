#!/bin/sh
# Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
# nginx with one process and no log: http_apps_nginx.sh DIRECTORY files FOLDER | proxy URL
directory=$(mktemp -d "$1/nginx.XXXXXX")
port=$((20000 + $$ % 40000))
case $2 in
  files) location="root $3;" ;;
  proxy) location='proxy_pass http://upstream; proxy_http_version 1.1; proxy_set_header Connection "";' ;;
esac
cat >"$directory/nginx.conf" <<CONF
daemon off;
master_process off;
worker_processes 1;
pid $directory/pid;
error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path $directory/body;
  proxy_temp_path $directory/proxy;
  fastcgi_temp_path $directory/fastcgi;
  uwsgi_temp_path $directory/uwsgi;
  scgi_temp_path $directory/scgi;
  upstream upstream { server ${3#http://}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:$port;
    location / { $location }
  }
}
CONF
[ "$2" = proxy ] || sed -i '/upstream upstream/d' "$directory/nginx.conf"
# nginx says nothing when it is ready: it is asked.
(
  until curl -s -o "$directory/out" "http://127.0.0.1:$port/"; do sleep 0.02; done
  echo "listening $port nginx"
) &
exec nginx -p "$directory" -c "$directory/nginx.conf"
