import { join } from 'node:path';
import * as z from 'zod';
import { ConfigError, UnknownSettingError, type ConfigFault } from './errors.ts';
import { isPlainObject, readEnvironment, readFlags, readTree, type Assignment, type LayerName } from './layers.ts';
import { nearest } from './nearest.ts';
import { DEFAULT_PREFIX, readSchema, type Section, type Setting, type Shape } from './schema.ts';
import { Secret, SecretUrl } from './secret.ts';
import { readYamlFile } from './yaml-file.ts';

/*
 * Configuration is read once, at start, from four layers into one frozen value.
 *
 *   default < staddle.config.yaml < environment (STADDLE_A__B) < flags (--a.b=value)
 *
 * 1. The schema is the only source of keys, variable names and types. Every layer is matched against it before anything
 *    is merged, so a key that no schema knows is found in the layer where somebody wrote it.
 * 2. Objects merge, everything else replaces. `null` in a tree takes away what the layers below said.
 * 3. Text (variables, flags) becomes a value by the kind of its setting, never by its looks. Trees are not converted:
 *    a quoted number in the file is a string.
 * 4. All faults are reported together, each with where it came from. There is no partly valid configuration.
 * 5. A secret's value is in `current` inside a `Secret`, and nowhere else: not in faults, `explain` or `describe`.
 * 6. `current` never changes. Reloading will make a new snapshot, so take it once for each unit of work.
 */

export interface LoadConfigOptions<S extends z.ZodObject> {
  /** Objects are sections, everything else is a setting. No `z.coerce`, `.catch()` or `z.lazy`. */
  readonly schema: S;
  /** Variables, usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags, usually `process.argv.slice(2)`. Default: none. */
  readonly argv?: readonly string[];
  /** The lowest layer, above the defaults of the schema. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** A file that must exist. Default: `staddle.config.yaml` if there is one. `--config` and `STADDLE_CONFIG` go before it. */
  readonly file?: string;
  /** First part of every variable's name. Default `STADDLE_`. */
  readonly prefix?: string;
  /** Sections of other services that share this environment and file: known, and not looked at. */
  readonly siblings?: readonly string[];
  /** Folder of the default file. Default: the working directory. */
  readonly cwd?: string;
}

/** Where the value of one setting came from. Secrets are masked. */
export interface SettingSource {
  readonly value: unknown;
  readonly layer: LayerName;
  /** A variable, a flag, `staddle.config.yaml:12`, `schema`, `defaults`, `derived from dataDir`. */
  readonly origin: string;
}

export interface Explanation extends SettingSource {
  readonly key: string;
  /** What weaker layers said, strongest first. A `null` is a removal. */
  readonly shadowed: readonly SettingSource[];
}

export type DeepReadonly<T> =
  T extends Secret<unknown> ? T
  : T extends readonly (infer Item)[] ? readonly DeepReadonly<Item>[]
  : T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
  : T;

export interface LoadedConfig<T> {
  /** The whole configuration, deeply frozen. */
  readonly current: DeepReadonly<T>;
  /** Things that work and should still be changed: deprecated settings, secrets in flags. */
  readonly warnings: readonly string[];
  /** Every secret, and the passwords inside URLs: for the logger to scrub. */
  readonly secrets: readonly Secret<unknown>[];
  /** Tells why a setting has its value. @throws UnknownSettingError (`ERR_CONFIG_UNKNOWN_SETTING`) */
  explain(key: string): Explanation;
  /** All settings in the order of the schema, fit to be printed. */
  describe(): readonly (SettingSource & { readonly key: string })[];
}

const DEFAULT_FILE = 'staddle.config.yaml';

/** Exit code of a process whose configuration is wrong (`EX_CONFIG` of sysexits.h): restarting it will not help. */
export const EX_CONFIG = 78;

/**
 * Reads and checks the configuration of a process.
 * @throws ConfigError (`ERR_CONFIG_INVALID`) with every fault
 * @throws ConfigSchemaError (`ERR_CONFIG_SCHEMA`) when the schema cannot be used
 */
export function loadConfig<S extends z.ZodObject>(options: LoadConfigOptions<S>): LoadedConfig<z.output<S>> {
  const { schema, env, argv = [], defaults, prefix = DEFAULT_PREFIX, cwd = '.' } = options;
  const siblings = new Set(options.siblings);
  const shape = readSchema(schema, prefix);

  const named = argv.findLast((argument) => argument.startsWith('--config='))?.slice('--config='.length) || env[`${prefix}CONFIG`] || options.file;
  const file = readYamlFile(named ?? join(cwd, DEFAULT_FILE), { required: named !== undefined });
  const readings = [
    readTree(shape, defaults, { layer: 'default', origin: () => 'defaults', siblings }),
    readTree(shape, file.tree, { layer: 'file', origin: file.origin, siblings }),
    readEnvironment(shape, env, { prefix, siblings }),
    readFlags(shape, argv, siblings),
  ];
  const draft = new Draft(shape, readings.flatMap((reading) => reading.assignments));
  const faults = [...file.faults, ...readings.flatMap((reading) => reading.faults)];

  const parsed = z.safeParse(schema, draft.tree(shape.root));
  if (!parsed.success) faults.push(...draft.faultsOf(parsed.error.issues, faults));
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);

  const current = deepFreeze(parsed.data) as DeepReadonly<z.output<S>>;
  const describe = (setting: Setting): SettingSource & { key: string } => {
    const value = valueAt(current, setting.key);
    return { key: setting.key, value: setting.secret ? mask(setting, value) : value, ...draft.sourceOf(setting) };
  };
  return {
    current,
    warnings: [...readings.flatMap((reading) => reading.warnings), ...draft.deprecations()],
    secrets: secretsIn(current),
    explain(key) {
      const setting = shape.settings.get(key);
      if (!setting) throw new UnknownSettingError(key, nearest(key, shape.settings.keys()));
      return { ...describe(setting), shadowed: draft.shadowedBy(setting) };
    },
    describe: () => Array.from(shape.settings.values(), describe),
  };
}

/** The layers laid over each other: for each setting what was said about it, weakest first. */
class Draft {
  readonly #shape: Shape;
  readonly #said = new Map<string, Assignment[]>();
  /** Settings whose default could not be made, because the setting that it is made from is wrong. */
  readonly #underivable = new Set<string>();

  constructor(shape: Shape, assignments: readonly Assignment[]) {
    this.#shape = shape;
    for (const assignment of assignments) {
      const said = this.#said.get(assignment.key);
      if (said) said.push(assignment);
      else this.#said.set(assignment.key, [assignment]);
    }
  }

  /** The input for the schema. Undefined for an optional section of which nothing is set. */
  tree(section: Section): Record<string, unknown> | undefined {
    const entries: [string, unknown][] = [];
    for (const [name, child] of section.children) {
      const value = child.isSection ? this.tree(child) : this.#value(child);
      if (value !== undefined) entries.push([name, value]);
    }
    if (!section.required && entries.length === 0 && this.#winner(section.key) === undefined) return undefined;
    for (const [name, child] of section.children) {
      if (child.isSection || !child.trait.derived || this.#value(child) !== undefined) continue;
      const value = this.#derive(child, child.trait.derived);
      if (value !== undefined) entries.push([name, value]);
    }
    return Object.fromEntries(entries);
  }

  sourceOf(setting: Setting): Omit<SettingSource, 'value'> {
    const winner = this.#winner(setting.key);
    if (winner) return { layer: winner.layer, origin: winner.origin };
    const { derived } = setting.trait;
    return { layer: 'default', origin: derived ? `derived from ${derived.from}` : 'schema' };
  }

  shadowedBy(setting: Setting): readonly SettingSource[] {
    const winner = this.#winner(setting.key);
    return (this.#said.get(setting.key) ?? [])
      .filter((assignment) => assignment !== winner)
      .map(({ value, layer, origin }) => ({ value: setting.secret ? mask(setting, value) : value, layer, origin }))
      .toReversed();
  }

  deprecations(): string[] {
    return Array.from(this.#shape.settings.values()).flatMap(({ key, deprecated, doc }) => {
      const winner = this.#winner(key);
      return deprecated && winner ? [`${key} (${winner.origin}) is deprecated${doc ? `: ${doc}` : ''}`] : [];
    });
  }

  /** Turns zod's issues into faults, except about settings that a layer already complained of. */
  faultsOf(issues: readonly z.core.$ZodIssue[], known: readonly ConfigFault[]): ConfigFault[] {
    const complained = new Set([...known.map((fault) => fault.path), ...this.#underivable]);
    return issues.flatMap((issue) => {
      const keys = issue.path.map(String);
      const setting = keys.map((_, index) => this.#shape.settings.get(keys.slice(0, index + 1).join('.'))).find((found) => found !== undefined);
      const path = keys.join('.');
      if (complained.has(setting?.key ?? path)) return [];
      if (!setting) return [{ path: path || 'configuration', rule: ruleOf(issue) }];
      const value = this.#value(setting);
      const origin = this.#winner(setting.key)?.origin;
      return [
        {
          path,
          env: setting.env,
          ...(origin === undefined ? {} : { origin }),
          rule: value === undefined ? `is required: set ${setting.env}, --${setting.key} or the file` : scrub(ruleOf(issue), setting, value),
          ...(setting.secret || value === undefined ? {} : { value: valueAt(value, keys.slice(setting.key.split('.').length).join('.')) }),
        },
      ];
    });
  }

  #winner(key: string): Assignment | undefined {
    const last = this.#said.get(key)?.at(-1);
    return last?.value === null ? undefined : last;
  }

  #value({ key }: Setting): unknown {
    return this.#said.get(key)?.reduce<unknown>((below, { value }) => merge(below, value), undefined);
  }

  #derive(setting: Setting, derived: NonNullable<Setting['trait']['derived']>): unknown {
    const source = this.#shape.settings.get(derived.from)!;
    const parsed = z.safeParse(source.schema, this.#value(source));
    if (parsed.success) return derived.value(parsed.data as never);
    this.#underivable.add(setting.key);
    return undefined;
  }
}

/** Lays `above` over `below`: objects merge, arrays and the rest replace, `null` removes. */
function merge(below: unknown, above: unknown): unknown {
  if (above === null) return undefined;
  if (!isPlainObject(above)) return above;
  const base = isPlainObject(below) ? below : {};
  const keys = new Set([...Object.keys(base), ...Object.keys(above)]);
  const entries = Array.from(keys, (key) => [key, Object.hasOwn(above, key) ? merge(base[key], above[key]) : base[key]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function ruleOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return Array.from(new Set(issue.errors.map(([first]) => (first ? ruleOf(first) : 'is refused')))).join(', or ');
  }
  const text = issue.message.replace(/^Invalid (?:input|option|string): /, '');
  return text.charAt(0).toLowerCase() + text.slice(1);
}

// Shorter texts are parts of any sentence, and the gaps would spell them.
const SHORTEST_SCRUBBED = 4;

/** A rule is written by the schema's author, who may have put the value into it. */
function scrub(rule: string, setting: Setting, value: unknown): string {
  const text = value instanceof Secret ? value.reveal() : value;
  return setting.secret && typeof text === 'string' && text.trim().length >= SHORTEST_SCRUBBED ? rule.replaceAll(text, '[redacted]') : rule;
}

/** What may be shown of a secret setting's raw or final value. */
function mask({ trait }: Setting, value: unknown): unknown {
  if (value === undefined || value === null) return value;
  return trait.kind === 'url' ? String(typeof value === 'string' ? new SecretUrl(value) : value) : '[redacted]';
}

function valueAt(tree: unknown, key: string): unknown {
  return key === '' ? tree : key.split('.').reduce<unknown>((node, name) => (typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[name] : undefined), tree);
}

function secretsIn(value: unknown): Secret<unknown>[] {
  if (value instanceof SecretUrl) return value.password() ? [value.password()!] : [];
  if (value instanceof Secret) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsIn) : [];
}

function deepFreeze(value: unknown): unknown {
  if (Array.isArray(value) || isPlainObject(value)) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
