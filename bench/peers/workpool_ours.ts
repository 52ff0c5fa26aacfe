// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Calls by a `WorkPool` of this library, sends by its channel.

import { workModule } from "../../io/work_call.ts";
import { openWorkChannel, workChannel } from "../../io/work_channel.ts";
import { WorkPool } from "../../io/work_pool.ts";
import { measure } from "./workpool_load.ts";

measure(Deno.args, (workers) => {
  const jobs = workModule<typeof import("./workpool_jobs.ts")>(
    new URL("workpool_jobs.ts", import.meta.url),
  );
  const pool = new WorkPool({ workers });
  const [here, there] = workChannel();
  const channel = openWorkChannel<number>(here);
  let counting: Promise<void> | undefined;
  return Promise.resolve({
    call: (left, right) => pool.call(jobs, "add", [left, right]),
    work: () => pool.call(jobs, "work", []),
    send: (value) => {
      counting ??= pool.call(jobs, "count", [there]);
      return channel.send(value);
    },
    sent: async () => {
      await channel.send(-1);
      return await channel.receive() ?? 0;
    },
    close: async () => {
      channel.close();
      await counting;
      await pool.close();
    },
  });
});
