// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A web server of its own process; disposing stops it. */
export interface Nginx extends AsyncDisposable {
  /** Where it is, without a slash at the end. */
  readonly url: string;
}

/** Whether nginx is installed. */
export function hasNginx(): boolean {
  try {
    return new Deno.Command("nginx", { args: ["-v"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/**
 * Serves the folder `www` of a folder, where nginx keeps its own files as well.
 *
 * @param settings What stands in its `server` block besides
 */
export async function startNginx(folder: string, settings = ""): Promise<Nginx> {
  const port = freePort();
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
     events { worker_connections 64; }
     http {
       access_log off;
       client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
       fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi;
       scgi_temp_path ${folder}/scgi;
       server { listen 127.0.0.1:${port}; root ${folder}/www; ${settings} }
     }`,
  );
  // Its workers are nobody's when it is started by root.
  await Deno.chmod(folder, 0o755);
  const child = new Deno.Command("nginx", {
    args: ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", `${folder}/error.log`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  await untilItListens(port);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function untilItListens(port: number): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (tries === 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
