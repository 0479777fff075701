import { inspect } from 'node:util';

const HIDDEN = '[redacted]';

/**
 * A value that prints `[redacted]` wherever it is turned into text: template literals, `+`, `JSON.stringify`,
 * `util.inspect`, log fields. {@link Secret.reveal} is the only way out, so a search for it finds every use.
 */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
    Object.freeze(this);
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return this.toString();
  }

  // Without it `secret + ''` and `${secret}` would ask valueOf and toString in an order that depends on the hint.
  [Symbol.toPrimitive](): string {
    return this.toString();
  }

  static {
    // Defined like this because isolated declarations refuse it as a computed member name.
    Object.defineProperty(Secret.prototype, inspect.custom, { value: Secret.prototype.toJSON });
  }
}

/** A connection URL. It prints with its user, password and secret query values masked: `mysql://[redacted]@db/app`. */
export class SecretUrl extends Secret {
  override toString(): string {
    // Text that is no URL was perhaps meant as the password alone.
    return URL.canParse(this.reveal()) ? maskUrl(this.reveal()) : HIDDEN;
  }

  /** The password inside the URL, to be scrubbed from logs; undefined when there is none. */
  password(): Secret | undefined {
    const password = URL.parse(this.reveal())?.password;
    return password ? new Secret(decode(password)) : undefined;
  }
}

/**
 * Masks everything between the scheme and the last `@`, and not only what a parser takes for the user and password:
 * a password with a raw `@`, `/` or `#` in it would show in part.
 */
export function maskUrl(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:(?:\/\/)?).*@/is, `$1${HIDDEN}@`)
    .replace(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&#]*/gi, `$1${HIDDEN}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone '%' in a password: the raw text is what the driver will use as well.
    return text;
  }
}
