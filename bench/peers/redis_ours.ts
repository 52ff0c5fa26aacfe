// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// This library, for redis_loop.ts.

import { connect } from "../../redis/client.ts";
import { measureRedis } from "./redis_loop.ts";

if (import.meta.main) await measureRedis(Deno.args, (place) => connect(place));
