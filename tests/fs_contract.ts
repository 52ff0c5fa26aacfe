// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { contentCases } from "./fs_contract_content.ts";
import { inFolder } from "./fs_folder.ts";
import { fileCases } from "./fs_contract_file.ts";
import { inputCases } from "./fs_contract_input.ts";
import { pathCases } from "./fs_contract_path.ts";

/** The functions that are Deno's in name, types and behaviour. */
export type FsApi = Pick<
  typeof Deno,
  | ("open" | "create" | "readFile" | "readTextFile" | "writeFile" | "writeTextFile")
  | ("stat" | "lstat" | "mkdir" | "remove" | "rename" | "copyFile" | "readDir" | "link")
  | ("symlink" | "readLink" | "realPath" | "truncate" | "chmod" | "chown" | "utime")
  | ("makeTempFile" | "makeTempDir")
>;

/** What a case runs against. */
export interface FsSubject {
  /** The functions under test. */
  api: FsApi;
  /** A folder of its own. */
  folder: string;
}

/** Cases by name: what is expected, as a sentence that starts with the call. */
export type FsContractCases = Record<string, (subject: FsSubject) => Promise<void>>;

/**
 * Registers what holds for Deno's file functions, for one implementation of them.
 *
 * @param subject Name of the implementation
 * @param around Runs each case, as `withoutLeaks` does
 */
export function fsContract(
  subject: string,
  api: FsApi,
  around: (body: () => Promise<void>) => Promise<void> = (body) => body(),
): void {
  const cases = { ...pathCases, ...fileCases, ...contentCases, ...inputCases };
  for (const [name, body] of Object.entries(cases)) {
    Deno.test(`${subject}: ${name}`, () =>
      around(() => inFolder((folder) => body({ api, folder }))));
  }
}
