import { StaddleError } from '@staddle/kernel';
import { maskUrl } from './secret.ts';

/** One thing that is wrong with the configuration. */
export interface ConfigFault {
  /** Dotted key, such as `database.url`, as far as it can be told. */
  readonly path: string;
  /** The environment variable that sets it, when there is one. */
  readonly env?: string;
  /** Where the value came from: a variable, a flag, `staddle.config.yaml:12`. Absent when nothing set it. */
  readonly origin?: string;
  /** What is wrong, as the rest of a sentence that begins with the key. */
  readonly rule: string;
  /** The refused value. Absent for secrets, for sections and for unknown keys, which may be misspelt secrets. */
  readonly value?: unknown;
}

/** The configuration is not usable. The message lists every fault, one a line, and holds no secret. */
export class ConfigError extends StaddleError {
  override readonly code = 'ERR_CONFIG_INVALID';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super([`configuration is invalid: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`, ...faults.map(faultLine)].join('\n  '));
    this.faults = faults;
  }
}

/** `explain` was asked for a key that the schema does not have. */
export class UnknownSettingError extends StaddleError {
  override readonly code = 'ERR_CONFIG_UNKNOWN_SETTING';
  readonly key: string;

  constructor(key: string, nearest: string | undefined) {
    super(`there is no setting ${JSON.stringify(key)}${nearest ? `, the nearest is ${nearest}` : ''}`);
    this.key = key;
  }
}

/** The schema itself cannot be used: a mistake in the program, not in its configuration. */
export class ConfigSchemaError extends StaddleError {
  override readonly code = 'ERR_CONFIG_SCHEMA';
  readonly key: string;

  constructor(key: string, rule: string) {
    super(`setting ${key} ${rule}`);
    this.key = key;
  }
}

export type ConfigErrorCode = ConfigError['code'] | UnknownSettingError['code'] | ConfigSchemaError['code'];

// Long enough to recognise any sane value, short enough that one line stays one line on a screen.
const LONGEST_VALUE = 80;
const LONGEST_NAME = 500;

function faultLine({ path, origin, rule, value }: ConfigFault): string {
  const shown = value === undefined ? '' : ` = ${printable(value)}`;
  return `${oneLine(path)}${shown}${origin ? ` (${oneLine(origin)})` : ''}: ${oneLine(rule)}`;
}

/** Names of unknown keys and variables are anybody's text as well. */
function oneLine(text: string): string {
  const visible = text.replace(/\p{Cc}/gu, '\ufffd');
  return visible.length > LONGEST_NAME ? `${visible.slice(0, LONGEST_NAME)}…` : visible;
}

function printable(value: unknown): string {
  // JSON also keeps line breaks and control characters out of the message.
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}` : typeof part === 'string' ? maskUrl(part) : part)) ?? String(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
