// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { assertOsError, type ContractCases } from "./net_contract_case.ts";
import { startEchoServer } from "./servers.ts";
import { patternBytes, readExactly, writeAll } from "./transfer.ts";

/** More than the 108 bytes of `sun_path`, see unix(7). */
const LONG_PATH = `/tmp/${"a".repeat(200)}`;

const pathCases: ContractCases = {
  "listen() and connect() meet at a path": async ({ api }) => {
    using folder = temporaryFolder();
    const path = folder.path("echo.sock");
    await using _server = startEchoServer(api.listen({ transport: "unix", path }));
    using conn = await api.connect({ transport: "unix", path });
    await writeAll(conn, patternBytes(10_000));
    assertEquals(await readExactly(conn, 10_000), patternBytes(10_000));
  },

  // The types say string; a socket without a name has null, and programs compare with that.
  "addresses hold the path, and null for the end that has none": async ({ api }) => {
    using folder = temporaryFolder();
    const path = folder.path("named.sock");
    using listener = api.listen({ transport: "unix", path });
    using conn = await api.connect({ transport: "unix", path });
    using accepted = await listener.accept();
    const named: unknown = { transport: "unix", path };
    const unnamed: unknown = { transport: "unix", path: null };
    assertEquals<unknown>({ ...listener.addr }, named);
    assertEquals<unknown>([{ ...conn.localAddr }, { ...conn.remoteAddr }], [unnamed, named]);
    assertEquals<unknown>([{ ...accepted.localAddr }, { ...accepted.remoteAddr }], [
      named,
      unnamed,
    ]);
  },

  "listener.close() removes the socket's file": ({ api }) => {
    using folder = temporaryFolder();
    const path = folder.path("gone.sock");
    const listener = api.listen({ transport: "unix", path });
    assertEquals(Deno.lstatSync(path).isSocket, true);
    listener.close();
    assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
    api.listen({ transport: "unix", path }).close();
  },

  "listen() throws AddrInUse when the path exists": ({ api }) => {
    using folder = temporaryFolder();
    const path = folder.path("taken.sock");
    using _listener = api.listen({ transport: "unix", path });
    const error = assertThrows(() => api.listen({ transport: "unix", path }));
    assertOsError(error, Deno.errors.AddrInUse, "EADDRINUSE");
  },

  "listen() throws NotFound when the folder is missing": ({ api }) => {
    using folder = temporaryFolder();
    const path = folder.path("missing/x.sock");
    const error = assertThrows(() => api.listen({ transport: "unix", path }));
    assertOsError(error, Deno.errors.NotFound, "ENOENT");
  },

  "connect() rejects with NotFound when the path is missing": async ({ api }) => {
    using folder = temporaryFolder();
    const path = folder.path("missing.sock");
    const error = await assertRejects(() => api.connect({ transport: "unix", path }));
    assertOsError(error, Deno.errors.NotFound, "ENOENT");
  },

  "connect() rejects with ConnectionRefused when the path is no socket": async ({ api }) => {
    using folder = temporaryFolder();
    const path = folder.path("plain.txt");
    Deno.writeTextFileSync(path, "plain");
    const error = await assertRejects(() => api.connect({ transport: "unix", path }));
    assertOsError(error, Deno.errors.ConnectionRefused, "ECONNREFUSED");
  },

  "connect() and listen() give TypeError when the path is too long": async ({ api }) => {
    const options = { transport: "unix", path: LONG_PATH } as const;
    await assertRejects(() => api.connect(options), TypeError);
    assertThrows(() => api.listen(options), TypeError);
  },

  "connect() rejects with TypeError when there is no path": async ({ api }) => {
    for (const options of [{ transport: "unix" }, { transport: "unix", path: "" }]) {
      const error = await assertRejects(() => api.connect(options as Deno.UnixConnectOptions));
      assertInstanceOf(error, TypeError);
    }
  },
};

const abstractCases: ContractCases = {
  "listen() and connect() meet at an abstract name": async ({ api }) => {
    const path = `\0photon-${crypto.randomUUID()}`;
    using listener = api.listen({ transport: "unix", path });
    using conn = await api.connect({ transport: "unix", path });
    using accepted = await listener.accept();
    assertEquals(listener.addr.path, path);
    assertEquals(conn.remoteAddr.path, path);
    assertEquals(accepted.localAddr.path, path);
  },

  "listen() throws AddrInUse when the abstract name is taken": ({ api }) => {
    const path = `\0photon-${crypto.randomUUID()}`;
    using _listener = api.listen({ transport: "unix", path });
    const error = assertThrows(() => api.listen({ transport: "unix", path }));
    assertOsError(error, Deno.errors.AddrInUse, "EADDRINUSE");
  },

  "connect() rejects with ConnectionRefused when nobody has the abstract name": async ({ api }) => {
    const path = `\0photon-${crypto.randomUUID()}`;
    const error = await assertRejects(() => api.connect({ transport: "unix", path }));
    assertOsError(error, Deno.errors.ConnectionRefused, "ECONNREFUSED");
  },
};

/** What holds for Unix sockets alone; abstract names exist on Linux only. */
export const unixCases: ContractCases = Deno.build.os === "linux"
  ? { ...pathCases, ...abstractCases }
  : pathCases;

/** A folder of its own, removed with all that is left in it. */
function temporaryFolder(): Disposable & { path(name: string): string } {
  const folder = Deno.makeTempDirSync();
  return {
    path: (name) => `${folder}/${name}`,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}
