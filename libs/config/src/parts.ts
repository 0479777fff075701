import * as z from 'zod';
import { derived, duration, secret, secretUrl } from './kinds.ts';
import type { Secret, SecretUrl } from './secret.ts';

// The settings that several services share. One environment feeds all services of an installation, so each of them
// declares all of these (`...sharedParts`), whether it uses them or not.

/** `dataDir`: where SQLite files, the generated secret and the admin token lie. */
export const dataDir: z.ZodDefault<z.ZodString> = z
  .string()
  .min(1)
  .default('.staddle')
  .describe('Folder for SQLite files, the generated secret and the admin token; relative to the working directory');

/** `database.*`: the options of `openDatabase`, by the same names. */
export const databasePart: z.ZodObject<{
  url: z.ZodType<SecretUrl>;
  pool: z.ZodObject<{ max: z.ZodDefault<z.ZodNumber>; acquireTimeoutMs: z.ZodDefault<z.ZodType<number>> }>;
  statementTimeoutMs: z.ZodDefault<z.ZodType<number>>;
}> = z.object({
  url: derived(secretUrl({ protocols: ['sqlite:', 'mysql:', 'mariadb:'], fault: databaseUrlFault }), {
    from: 'dataDir',
    text: 'sqlite:<dataDir>/staddle.db',
    value: (folder: string) => `sqlite:${folder}/staddle.db`,
  }).describe('Database: sqlite:FILE or mysql://USER:PASSWORD@HOST:PORT/NAME'),
  pool: z.object({
    max: z.int().min(1).max(1_000).default(10).describe('Most connections that one process opens'),
    acquireTimeoutMs: duration({ minMs: 1 }).default(5_000).describe('Longest wait for a free connection').meta({ unit: 'ms' }),
  }),
  // A caller does not wait for a minute, and a stop has 25 s. More than the 5 s that one may wait for a lock.
  statementTimeoutMs: duration({ minMs: 1 })
    .default(8_000)
    .describe('Longest wait for one answer of MySQL, which a frozen host never gives; migrations are exempt')
    .meta({ unit: 'ms' }),
});

// What `openDatabase` takes. It would say so itself, but only after everything else had been found to be right.
function databaseUrlFault(text: string): string | undefined {
  if (/\p{Cc}/u.test(text)) return 'must not hold control characters';
  if (text.startsWith('sqlite:')) {
    return /^sqlite:(?!\/\/)[^?]+$/s.test(text) ? undefined : 'must name one file after its scheme, by a relative or an absolute path, or be :memory:';
  }
  const { hostname, port, search, hash, pathname, username, password } = URL.parse(text)!;
  if (!/^(?:mysql|mariadb):\/\//.test(text) || hostname === '') return 'must be mysql://USER:PASSWORD@HOST:PORT/NAME';
  if (hostname.includes('%') || port === '0') return 'names a host or port that cannot be';
  if (search || hash) return 'must not carry parameters';
  try {
    const [name = ''] = [pathname.slice(1), username, password].map(decodeURIComponent);
    return name === '' || name.includes('/') ? 'must name one database after the host, as in mysql://HOST/NAME' : undefined;
  } catch {
    return 'has a % that is not followed by two hex digits';
  }
}

/** `redis.*`. Without a URL the memory drivers are used. */
export const redisPart: z.ZodObject<{ url: z.ZodOptional<z.ZodType<SecretUrl>> }> = z.object({
  url: secretUrl({ protocols: ['redis:', 'rediss:'] })
    .optional()
    .describe('Redis, shared by all instances: redis://:PASSWORD@HOST:PORT/NUMBER; without it locks, push and caches live in one process'),
});

const SECRET_BYTES = 32;

/** `auth.*`. Without a secret, standalone mode generates one in `dataDir`. */
export const authPart: z.ZodObject<{ secret: z.ZodOptional<z.ZodType<Secret>> }> = z.object({
  secret: secret(
    // RFC 7518 section 3.2: a key of at least the size of the hash output, 256 bits for HS256.
    z.string().refine((text) => Buffer.byteLength(text) >= SECRET_BYTES, `must be at least ${SECRET_BYTES} bytes long`),
  )
    .optional()
    .describe('Key that signs and checks tokens (HS256); at least 32 bytes; generated in the data directory when absent'),
});

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** `log.*`. */
export const logPart: z.ZodObject<{ level: z.ZodDefault<z.ZodEnum<z.core.util.ToEnum<(typeof LOG_LEVELS)[number]>>> }> = z.object({
  level: z.enum(LOG_LEVELS).default('info').describe('Least severe level that is written'),
});

/** `stop.*`: how a process goes down. */
export const stopPart: z.ZodObject<{ drainDelayMs: z.ZodDefault<z.ZodType<number>>; timeoutMs: z.ZodDefault<z.ZodType<number>> }> = z
  .object({
    drainDelayMs: duration()
      .default(0)
      .describe('Time between "not ready" and closing the listener; 5s behind a load balancer, so that it notices first')
      .meta({ unit: 'ms' }),
    timeoutMs: duration({ minMs: 1 })
      .default(25_000)
      .describe('Deadline of an orderly stop; keep it under the grace period of the platform (30s in Kubernetes)')
      .meta({ unit: 'ms' }),
  })
  // Otherwise nothing is left to end runs and flush in.
  .refine(({ drainDelayMs, timeoutMs }) => drainDelayMs < timeoutMs, { error: 'must be shorter than stop.timeoutMs', path: ['drainDelayMs'] });

export interface SharedParts {
  readonly dataDir: typeof dataDir;
  readonly database: typeof databasePart;
  readonly redis: typeof redisPart;
  readonly auth: typeof authPart;
  readonly log: typeof logPart;
  readonly stop: typeof stopPart;
}

/** Spread it into the schema of every service: `z.object({ ...sharedParts, scheduler: httpPart({ port: 4100 }) })`. */
export const sharedParts: SharedParts = { dataDir, database: databasePart, redis: redisPart, auth: authPart, log: logPart, stop: stopPart };

export interface HttpPartOptions {
  /** Default port of the service. */
  readonly port: number;
}

export type HttpPart = z.ZodObject<{
  host: z.ZodDefault<z.ZodString>;
  port: z.ZodDefault<z.ZodNumber>;
  bodyLimitBytes: z.ZodDefault<z.ZodNumber>;
}>;

/** Where a service listens: the base of its own section, to be extended with the rest. */
export function httpPart({ port }: HttpPartOptions): HttpPart {
  return z.object({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 in a container'),
    port: z.int().min(0).max(65_535).default(port).describe('Port to listen on; 0 takes a free one'),
    bodyLimitBytes: z.int().min(1).default(1_048_576).describe('Largest accepted request body').meta({ unit: 'bytes' }),
  });
}
