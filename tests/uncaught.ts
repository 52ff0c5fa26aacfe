// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** The messages of errors that are reported as uncaught while a body runs; they do not end it. */
export async function uncaughtDuring(body: () => Promise<void>): Promise<string[]> {
  const messages: string[] = [];
  const take = (event: ErrorEvent) => {
    event.preventDefault();
    messages.push(event.error.message);
  };
  addEventListener("error", take);
  try {
    await body();
  } finally {
    removeEventListener("error", take);
  }
  return messages;
}
