import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

// An RSA key of 16384 bits has 13 KB.
const MOST_BYTES = 65_536;

/** The text of the file that a `…_FILE` variable names, or what is wrong with it, as the rest of a sentence. */
export function readSecretFile(path: string): { readonly text: string } | { readonly rule: string } {
  try {
    // Looked at before it is opened: a pipe without a writer would hold up the start for ever, and /dev/zero has no end.
    const stat = statSync(path);
    if (!stat.isFile()) return { rule: `names ${path}, which is not a regular file` };
    if (stat.size > MOST_BYTES) return { rule: `names ${path}, which has ${stat.size} bytes, more than ${MOST_BYTES}` };
    const text = decoded(readFileSync(path));
    if (text === undefined) return { rule: `names ${path}, which is not UTF-8 text` };
    return text === '' ? { rule: `names the empty file ${path}` } : { text };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    if (isInFolder(path)) return { rule: `names a file that cannot be read: ${path} (${code})` };
    return { rule: `names a file that cannot be read (${code}); its path is not shown, for it may be the secret itself` };
  }
}

/** Undefined for bytes that are no text. Read leniently they would become U+FFFD, so that 32 random ones make a poor secret. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    // Editors and `echo` end a file with a line break that is no part of the secret; some begin it with a byte order mark.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}

/** Whoever writes the secret into the variable of its file has written no path into an existing folder; base64 may begin with a slash. */
function isInFolder(path: string): boolean {
  const folder = dirname(path);
  return folder !== '.' && folder !== '/' && existsSync(folder);
}
