// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Entries that a page shows. */
export const PAGE_ENTRIES_MAX = 10_000;

/** A page that lists a folder, folders first, by name. */
export async function directoryPage(
  path: string,
  entries: AsyncIterable<Deno.DirEntry>,
  dotFiles: boolean,
): Promise<string> {
  const shown: { name: string; isDirectory: boolean }[] = [];
  let isCut = false;
  for await (const { name, isDirectory } of entries) {
    if (name.startsWith(".") && !dotFiles) continue;
    isCut = shown.length === PAGE_ENTRIES_MAX;
    if (isCut) break;
    shown.push({ name, isDirectory });
  }
  shown.sort((a, b) => Number(b.isDirectory) - Number(a.isDirectory) || (a.name < b.name ? -1 : 1));
  const title = escapeHtml(`Index of /${path === "." ? "" : `${path}/`}`);
  const lines = shown.map(({ name, isDirectory }) => {
    const slash = isDirectory ? "/" : "";
    return `<li><a href="./${encodeURIComponent(name)}${slash}">${
      escapeHtml(name)
    }${slash}</a></li>`;
  });
  if (path !== ".") lines.unshift('<li><a href="../">../</a></li>');
  if (isCut) lines.push(`<li>and more than ${PAGE_ENTRIES_MAX}</li>`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
body { font: 16px/1.6 system-ui, sans-serif; margin: 2em }
ul { list-style: none; padding: 0 }
</style>
</head>
<body>
<h1>${title}</h1>
<ul>
${lines.join("\n")}
</ul>
</body>
</html>
`;
}

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}
