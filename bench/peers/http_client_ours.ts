// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `fetch` of this library, for http_client_loop.mjs. The first argument may be `ca=PATH`.

import { HttpClient } from "../../http/mod.ts";
import { measureHttp } from "./http_client_loop.mjs";

const [first = "", ...others] = Deno.args;
const caCerts = first.startsWith("ca=") ? [Deno.readTextFileSync(first.slice(3))] : [];
const client = new HttpClient({ caCerts });
await measureHttp(caCerts.length > 0 ? others : Deno.args, (url) => client.fetch(url));
