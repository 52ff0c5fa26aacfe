// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { Missing } from "./suite.ts";

/** Where files and configurations are made; git ignores it. */
const BUILD_DIRECTORY = new URL(".build/nginx/", import.meta.url);
const PIECE_BYTES = 1024 * 1024;

/** A file of so many bytes, made when it is not there yet. */
export async function bulkFile(byteLength: number): Promise<string> {
  await Deno.mkdir(BUILD_DIRECTORY, { recursive: true });
  const path = new URL("file", BUILD_DIRECTORY).pathname;
  const size = await Deno.stat(path).then((status) => status.size, () => 0);
  if (size === byteLength) return path;
  using file = await Deno.create(path);
  const piece = Uint8Array.from({ length: PIECE_BYTES }, (_, index) => index % 251);
  for (let at = 0; at < byteLength; at += PIECE_BYTES) await file.write(piece);
  return path;
}

/** nginx as one process that serves the folder of the file with sendfile(2). */
export async function nginxServer(file: string): Promise<CommandLine | Missing> {
  const program = await firstThatExists(["/usr/sbin/nginx", "/usr/local/sbin/nginx"]);
  if (program === null) return new Missing("nginx is not installed");
  const port = freePort();
  const folder = BUILD_DIRECTORY.pathname;
  const configuration = `${folder}nginx.conf`;
  await Deno.writeTextFile(configuration, nginxConf(folder, file, port));
  // The shell says where, and becomes the server: the process id stays.
  const command = `echo listening ${port}; exec ${program} -e stderr -p ${folder} -c nginx.conf`;
  return { program: "sh", args: ["-c", command] };
}

function nginxConf(folder: string, file: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}${name};`).join("\n  ");
  return `daemon off;
master_process off;
pid ${folder}nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  ${temporary}
  server {
    listen 127.0.0.1:${port};
    root ${file.slice(0, file.lastIndexOf("/"))};
  }
}
`;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function firstThatExists(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  return null;
}
