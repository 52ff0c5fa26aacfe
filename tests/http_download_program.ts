// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Downloads URL to PATH and says with a line that bytes are coming; it is killed meanwhile.
import { closeIdleConnections } from "../http/fetch.ts";
import { download } from "../http/download.ts";

const [url, path] = Deno.args;
let said = false;
await download(url!, path!, {
  partBytes: 1_048_576,
  onProgress() {
    if (!said) console.log("coming");
    said = true;
  },
});
closeIdleConnections();
