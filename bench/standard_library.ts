// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { nodePackage } from "./programs.ts";
import { Missing } from "./suite.ts";

/**
 * The file server of the standard library, by its npm form: `file_server.js` as it is published.
 * That form leaves a few of the modules out that it imports; none of them does any work for a file,
 * and they are written here.
 *
 * @returns Path of the module
 */
export async function standardFileServer(): Promise<string | Missing> {
  const folder = await nodePackage("deno-std@1.4.0");
  if (folder instanceof Missing) return folder;
  const path = `${folder}/http/file_server.js`;
  const source = await Deno.readTextFile(path);
  for (const [name, text] of Object.entries(leftOut(source))) {
    const file = `${folder}/${name}`;
    if (await Deno.stat(file).then(() => true, () => false)) continue;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
  return path;
}

function leftOut(source: string): Record<string, string> {
  const members = (name: string) => [
    ...new Set([...source.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, "g"))].map(([, key]) => key!)),
  ];
  const headers = members("HEADER").map((key) => {
    const field = key === "ETag" ? "etag" : key.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();
    return [key, field];
  });
  const methods = members("METHOD").map((key) => [key, key.toUpperCase()]);
  const table = (entries: string[][]) => JSON.stringify(Object.fromEntries(entries));
  return {
    "fs/exists.js":
      "export const exists = (path) => Deno.stat(path).then(() => true, () => false);\n",
    "media-types/content_type.js": 'export * from "../media_types/content_type.js";\n',
    "net/unstable_get_network_address.js": "export const getNetworkAddress = () => undefined;\n",
    "html/unstable_html.js": "export const html = (parts, ...values) => String.raw(" +
      "{ raw: parts }, ...values);\n",
    "http/unstable_header.js": `export const HEADER = ${table(headers)};\n`,
    "http/unstable_method.js": `export const METHOD = ${table(methods)};\n`,
    "http/deno.json": '{ "version": "1.4.0" }\n',
  };
}
