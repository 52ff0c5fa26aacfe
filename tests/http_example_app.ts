// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// A program as a user of `Deno.serve` writes it: a small store of notes, files, a stream of events.

const notes = new Map<number, { id: number; text: string }>();
let nextId = 1;

/** Forgets all notes. */
export function resetNotes(): void {
  notes.clear();
  nextId = 1;
}

/** The whole program. */
export async function exampleApp(
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/") {
    return new Response("<h1>Notes</h1>", { headers: { "content-type": "text/html" } });
  }
  if (pathname === "/who") {
    return Response.json({
      ip: info.remoteAddr.hostname,
      agent: request.headers.get("user-agent"),
    });
  }
  if (pathname === "/notes" && request.method === "POST") {
    const { text } = await request.json();
    if (typeof text !== "string") return Response.json({ error: "no text" }, { status: 400 });
    const note = { id: nextId++, text };
    notes.set(note.id, note);
    return Response.json(note, { status: 201, headers: { location: `/notes/${note.id}` } });
  }
  if (pathname === "/notes") {
    const wanted = searchParams.get("q") ?? "";
    return Response.json([...notes.values()].filter(({ text }) => text.includes(wanted)));
  }
  const match = /^\/notes\/(\d+)$/.exec(pathname);
  if (match) {
    const id = Number(match[1]);
    const note = notes.get(id);
    if (!note) return new Response("Not Found", { status: 404 });
    if (request.method === "DELETE") {
      notes.delete(id);
      return new Response(null, { status: 204 });
    }
    return Response.json(note);
  }
  if (pathname === "/form") {
    const form = await request.formData();
    return Response.json(Object.fromEntries(form));
  }
  if (pathname === "/copy") return new Response(request.body, { headers: request.headers });
  if (pathname === "/events") {
    const events = ["data: one\n\n", "data: two\n\n"].map((text) => new TextEncoder().encode(text));
    const headers = { "content-type": "text/event-stream", "cache-control": "no-cache" };
    return new Response(ReadableStream.from(events), { headers });
  }
  if (pathname === "/source") {
    const file = await Deno.open(new URL(import.meta.url));
    return new Response(file.readable, { headers: { "content-type": "text/typescript" } });
  }
  if (pathname === "/old") return Response.redirect(new URL("/", request.url), 301);
  if (pathname === "/fail") throw new Error("on purpose");
  return new Response("Not Found", { status: 404 });
}
