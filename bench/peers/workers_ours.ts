// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Echo server on so many workers that share one port.  workers_ours.ts WORKERS

import { WorkPool } from "../../io/work_pool.ts";
import { shareListen } from "../../net/share_listen.ts";

const workers = Number(Deno.args[0]);
const pool = new WorkPool({ workers });
const shared = shareListen({ hostname: "127.0.0.1", port: 0 }, workers);
const url = new URL("workers_main.ts", import.meta.url);
await pool.run(url, { args: [shared.share] }).ready;
console.log(`listening ${shared.addr.port}`);
// What each worker serves, for whoever asks.
Deno.addSignalListener("SIGUSR1", () => console.error(JSON.stringify(shared.counts)));
