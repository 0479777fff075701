import type { ConfigFault } from './errors.ts';
import { nearest } from './nearest.ts';
import { fileVariable, type Section, type Setting, type Shape } from './schema.ts';
import { readSecretFile } from './secret-file.ts';
import { readText } from './text-value.ts';

/** Where a value was set, from the weakest to the strongest. */
export type LayerName = 'default' | 'file' | 'environment' | 'flag';

/** One layer's word on one setting; `null` takes away what the layers below said. On a section: `{}` says that it exists. */
export interface Assignment {
  readonly key: string;
  readonly value: unknown;
  readonly layer: LayerName;
  readonly origin: string;
}

/** What reading one layer gave. A setting with a fault has no assignment. */
export interface LayerReading {
  readonly assignments: Assignment[];
  readonly faults: ConfigFault[];
  readonly warnings: string[];
}

export interface TreeLayer {
  readonly layer: LayerName;
  /** Where the value at `path` stands: `staddle.config.yaml:12`. */
  readonly origin: (path: readonly string[]) => string;
  readonly siblings: ReadonlySet<string>;
}

// Assigned by plain `[]=` somewhere downstream, these would reach into Object.prototype.
const PROTOTYPE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** Reads a layer that is a tree already: the defaults and the file. Its values are taken as they are, without conversion. */
export function readTree(shape: Shape, tree: unknown, { layer, origin, siblings }: TreeLayer): LayerReading {
  const reading: LayerReading = { assignments: [], faults: [], warnings: [] };

  const fault = (path: readonly string[], rule: string, env?: string): void => {
    reading.faults.push({ path: path.join('.') || 'configuration', ...(env === undefined ? {} : { env }), origin: origin(path), rule });
  };

  const visit = (node: Setting | Section, value: unknown, path: readonly string[]): void => {
    if (value === undefined) return;
    if (!node.isSection) {
      const reserved = prototypeKeyIn(value);
      if (reserved !== undefined) fault(path, `has the reserved key ${reserved} inside`, node.env);
      else reading.assignments.push({ key: node.key, value, layer, origin: origin(path) });
      return;
    }
    if (value === null) {
      for (const key of keysUnder(node)) reading.assignments.push({ key, value: null, layer, origin: origin(path) });
      return;
    }
    // No value in this fault: the section may hold secrets, and this may be one.
    if (!isPlainObject(value)) return fault(path, `must be a section with ${listOf(node.children.keys())}`);
    reading.assignments.push({ key: node.key, value: {}, layer, origin: origin(path) });
    for (const [name, child] of Object.entries(value)) {
      const childPath = [...path, name];
      const childNode = node.children.get(name);
      if (PROTOTYPE_KEYS.has(name)) fault(childPath, 'is a reserved key');
      else if (childNode) visit(childNode, child, childPath);
      else if (path.length > 0 || !siblings.has(name)) {
        const guess = nearest(name, node.children.keys());
        fault(childPath, unknownRule(guess === undefined ? undefined : [...path, guess].join('.')));
      }
    }
  };

  visit(shape.root, tree ?? {}, []);
  return reading;
}

export interface EnvironmentLayer {
  readonly prefix: string;
  readonly siblings: ReadonlySet<string>;
}

/** Reads `STADDLE_A__B` variables and `…_FILE` ones. An empty variable counts as unset. */
export function readEnvironment(shape: Shape, env: Readonly<Record<string, string | undefined>>, { prefix, siblings }: EnvironmentLayer): LayerReading {
  const reading: LayerReading = { assignments: [], faults: [], warnings: [] };
  const siblingNames = new Set(Array.from(siblings, (name) => name.replace(/[A-Z]/g, '_$&').toUpperCase()));

  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(prefix) || name === `${prefix}CONFIG` || !text) continue;
    const setting = shape.byEnv.get(name);
    if (!setting) {
      if (siblingNames.has(name.slice(prefix.length).split('__')[0]!)) continue;
      const bare = name.slice(prefix.length);
      const guess = nearest(bare, Array.from(shape.byEnv.keys(), (known) => known.slice(prefix.length)));
      reading.faults.push({ path: keyOf(bare), env: name, origin: name, rule: unknownRule(guess && prefix + guess) });
      continue;
    }
    if (name === setting.env) {
      assignText(reading, setting, text, 'environment', name);
    } else if (env[setting.env]) {
      reading.faults.push({ path: setting.key, env: setting.env, origin: name, rule: `is set twice, by ${setting.env} and by ${name}` });
    } else {
      const content = readSecretFile(text);
      if ('rule' in content) reading.faults.push({ path: setting.key, env: name, origin: name, rule: content.rule });
      else assignText(reading, setting, content.text, 'environment', `${name}=${text}`);
    }
  }
  return reading;
}

/** Reads `--a.b=value`. A bare `--a.b` says true; the last of several for one setting wins. */
export function readFlags(shape: Shape, argv: readonly string[], siblings: ReadonlySet<string>): LayerReading {
  const reading: LayerReading = { assignments: [], faults: [], warnings: [] };
  for (const argument of argv) {
    const [, key, text] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (key === 'config') continue;
    if (key === undefined) {
      // Not repeated: a misplaced argument may be the value of the secret before it.
      reading.faults.push({ path: 'argument', rule: 'is not a flag of the form --key=value' });
      continue;
    }
    const setting = shape.settings.get(key);
    if (!setting) {
      if (siblings.has(key.split('.')[0]!)) continue;
      const guess = nearest(key, shape.settings.keys());
      reading.faults.push({ path: key, origin: `--${key}`, rule: unknownRule(guess && `--${guess}`) });
    } else if (text === undefined && setting.kind !== 'boolean') {
      reading.faults.push({ path: key, env: setting.env, origin: `--${key}`, rule: `needs a value: --${key}=value` });
    } else {
      assignText(reading, setting, text ?? 'true', 'flag', `--${key}`);
      if (setting.secret) reading.warnings.push(`--${key} shows a secret to everyone who can list processes; use ${[setting.env, ...fileVariable(setting)].join(' or ')}`);
    }
  }
  return reading;
}

function assignText(reading: LayerReading, setting: Setting, text: string, layer: LayerName, origin: string): void {
  const { key, env } = setting;
  const read = readText(setting.schema, setting.kind, text);
  const reserved = read.ok ? prototypeKeyIn(read.value) : undefined;
  const rule = read.ok ? reserved && `has the reserved key ${reserved} inside` : read.rule;
  if (rule === undefined) reading.assignments.push({ key, value: read.ok ? read.value : undefined, layer, origin });
  else reading.faults.push({ path: key, env, origin, rule, ...(setting.secret ? {} : { value: text }) });
}

function unknownRule(guess: string | undefined): string {
  return guess ? `is not a setting; the nearest is ${guess}` : 'is not a setting';
}

/** `DATABSE__URL` → `databse.url`: how an unknown variable would read as a key. */
function keyOf(name: string): string {
  return name
    .split('__')
    .map((part) => part.toLowerCase().replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase()))
    .join('.');
}

function* keysUnder(section: Section): Generator<string> {
  yield section.key;
  for (const child of section.children.values()) {
    if (child.isSection) yield* keysUnder(child);
    else yield child.key;
  }
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The first prototype key anywhere inside a value. */
function prototypeKeyIn(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map(prototypeKeyIn).find((key) => key !== undefined);
  if (!isPlainObject(value)) return undefined;
  return Object.keys(value).find((key) => PROTOTYPE_KEYS.has(key)) ?? prototypeKeyIn(Object.values(value));
}

function listOf(names: Iterable<string>): string {
  return Array.from(names).join(', ');
}
