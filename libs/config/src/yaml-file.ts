import { readFileSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { ConfigFault } from './errors.ts';

export interface YamlFile {
  readonly tree: unknown;
  /** `staddle.config.yaml:12`, the line of the key at `path`. */
  readonly origin: (path: readonly string[]) => string;
  readonly faults: readonly ConfigFault[];
}

export interface YamlFileOptions {
  /** False: a missing file is an empty one. */
  readonly required: boolean;
}

// A configuration that repeats an anchor more often is an attack ("billion laughs") or a mistake.
const MOST_ALIASES = 100;

/** Reads a YAML 1.2 file into a plain tree that remembers its lines. */
export function readYamlFile(path: string, { required }: YamlFileOptions): YamlFile {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return { tree: {}, origin: () => path, faults: [] };
    return failed(path, [{ path: 'config', origin: path, rule: `names a file that cannot be read (${code ?? 'unknown error'})` }]);
  }

  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return failed(path, [{ path: 'config', origin: path, rule: 'is not UTF-8 text' }]);
  }

  const lines = new LineCounter();
  // prettyErrors would quote lines of the file, and with them its secrets; so would a warning of the process.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const at = (offset: number): string => `${path}:${lines.linePos(offset).line}`;
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => ({ code: code as string, offset: pos[0] }));
  visit(document, {
    Alias: (_key, alias) => {
      if (!alias.resolve(document)) problems.push({ code: 'UNRESOLVED_ALIAS', offset: alias.range?.[0] ?? 0 });
    },
  });
  if (problems.length > 0) {
    return failed(path, problems.map(({ code, offset }) => ({ path: 'config', origin: at(offset), rule: `is not valid YAML here (${code})` })));
  }
  try {
    const tree: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    return { tree, origin: (keys) => at(offsetOf(document, keys)), faults: [] };
  } catch {
    return failed(path, [{ path: 'config', origin: path, rule: `repeats its anchors more than ${MOST_ALIASES} times` }]);
  }
}

function failed(path: string, faults: readonly ConfigFault[]): YamlFile {
  return { tree: {}, origin: () => path, faults };
}

/** Offset of the key at the end of `keys`, or of the deepest one on the way that the file has. */
function offsetOf(document: Document, keys: readonly string[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of keys) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (!pair) break;
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
    } else break;
  }
  return offset;
}
