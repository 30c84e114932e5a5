// How is a file written so that it is never half written?

import { check, TensorError } from "../errors.ts";
import { builtin } from "./builtin.ts";
import { type FileSystem, fileError, openFileSystem, type Paths } from "./fileSystem.ts";

/**
 * Writes `bytes` to the file at `path`, which afterwards holds either its old content or all of the new, even if the
 * process or the machine stops meanwhile: a temporary file in the same folder is written, flushed and renamed. Those that
 * a process left behind which was ended while it wrote are removed by the next one that writes the same file, from a minute
 * later on. A symbolic link is followed, also to a file that is not there yet, and the permissions of an existing file are
 * kept. The folder must exist.
 * @throws TensorError `data` when the file cannot be written, or is write-protected, `unsupported` in a runtime without a file system.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const fileSystem = await openFileSystem("writeFileAtomically", path);
  const expected = `a file that can be written at ${JSON.stringify(path)}`;
  try {
    const paths = (await builtin("path")) as Paths;
    const { dirname, basename, join } = paths;
    const target = await targetOf(fileSystem, paths, path);
    const old = await fileSystem.stat(target).catch(() => undefined);
    // A rename would replace a device or a pipe by a plain file.
    check(old === undefined || old.isFile(), "data", () => ({
      where: "writeFileAtomically",
      expected,
      received: old?.isDirectory() ? "a folder" : "a device, pipe or socket",
      remedy: "Give the path of a file.",
    }));
    // A rename would replace it all the same, and so it would for the superuser, who may write everything.
    if (old !== undefined) await fileSystem.access(target, 2);
    check(old === undefined || (old.mode & 0o222) !== 0, "data", () => ({
      where: "writeFileAtomically",
      expected,
      received: "a write-protected file",
      remedy: "Allow writing to it, or give another path.",
    }));
    const folder = dirname(target);
    const name = `.${basename(target).slice(0, 40)}.`;
    const { pid } = (await builtin("process")) as typeof import("node:process");
    const temporary = join(folder, `${name}${pid}.${crypto.randomUUID()}.tmp`);
    await removeLeftBehind(fileSystem, paths, folder, name);
    try {
      await writeAndFlush(fileSystem, temporary, bytes, old === undefined ? undefined : old.mode & 0o777);
      await fileSystem.rename(temporary, target);
    } catch (cause) {
      await fileSystem.rm(temporary, { force: true }).catch(() => undefined);
      throw cause;
    }
    await flushFolder(fileSystem, folder);
  } catch (cause) {
    throw cause instanceof TensorError ? cause : fileError("data", "writeFileAtomically", expected, cause);
  }
}

/** The file that `path` means: links are followed, also the last one to a file that is not there. */
async function targetOf(
  fileSystem: FileSystem,
  { dirname, basename, join, resolve }: Paths,
  path: string,
): Promise<string> {
  let target = path;
  for (let links = 0; links <= mostLinks; links++) {
    const whole = await fileSystem.realpath(target).catch(() => undefined);
    if (whole !== undefined) return whole;
    const link = await fileSystem.readlink(target).catch(() => undefined);
    if (link === undefined) return target;
    const folder = await fileSystem.realpath(dirname(target)).catch(() => dirname(target));
    const next = resolve(folder, link);
    target = join(await fileSystem.realpath(dirname(next)).catch(() => dirname(next)), basename(next));
  }
  // A circle: this says so.
  return fileSystem.realpath(path);
}

const mostLinks = 40;
/**
 * Milliseconds since the last change after which a temporary file counts as left behind: of a process that does not run
 * here, and of any. Another machine, or another container with numbers of its own, may be writing it.
 */
const [idleMilliseconds, staleMilliseconds] = [60_000, 600_000];

/** Removes temporary files that nobody has written to for a while. */
async function removeLeftBehind(fileSystem: FileSystem, { join }: Paths, folder: string, name: string): Promise<void> {
  const { kill } = (await builtin("process")) as typeof import("node:process");
  const hasEnded = (process: number): boolean => {
    try {
      return !kill(process, 0);
    } catch (cause) {
      return (cause as { readonly code?: string }).code === "ESRCH";
    }
  };
  const entries = await fileSystem.readdir(folder).catch(() => []);
  for (const entry of entries) {
    const [known, writer] = entry.startsWith(name) ? (temporaryName.exec(entry.slice(name.length)) ?? []) : [];
    if (known === undefined) continue;
    const path = join(folder, entry);
    const age = await fileSystem.stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > (hasEnded(Number(writer)) ? idleMilliseconds : staleMilliseconds))
      await fileSystem.rm(path, { force: true }).catch(() => undefined);
  }
}

const temporaryName = /^(?:(\d+)\.)?[\da-f-]{36}\.tmp$/;

async function writeAndFlush(
  fileSystem: FileSystem,
  path: string,
  bytes: Uint8Array,
  mode: number | undefined,
): Promise<void> {
  const file = await fileSystem.open(path, "wx");
  try {
    await file.writeFile(bytes);
    if (mode !== undefined) await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the rename itself durable. Windows and some runtimes cannot flush a folder: the file is complete all the same. */
async function flushFolder(fileSystem: FileSystem, folder: string): Promise<void> {
  try {
    const handle = await fileSystem.open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Without the flush, a power cut may bring the old file back.
  }
}
