import type { ServerVariable } from './server-urls.ts';

/** A private Redis or MariaDB server that a test may treat as badly as it likes. `await using` stops it. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  /** Stays the same over `restart()`. */
  readonly port: number;
  /** Of the server process; of the container's main process when Docker runs it. */
  readonly pid: number;
  /** Freezes the server (SIGSTOP): connections stay open and nothing answers. */
  pause(): Promise<void>;
  /** Lets a paused server go on (SIGCONT). */
  resume(): Promise<void>;
  /** Ends it at once (SIGKILL), as a crash would. The data folder stays for `restart()`. */
  kill(): Promise<void>;
  /** Kills it if need be, starts it again on the same port and data, and resolves when it answers. */
  restart(): Promise<void>;
  /** Kills it and removes all it left. Idempotent. */
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** Further command-line arguments of the server, after ours, so that they win: `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
}

/** What must be known about a kind of server, whoever runs it. */
export interface ServerKind {
  readonly name: 'redis' | 'mariadb';
  readonly variable: ServerVariable;
  /** Program names, the preferred one first. */
  readonly programs: readonly string[];
  /** The package that brings the program, by package manager. */
  readonly packages: Readonly<Record<PackageManager, string>>;
  readonly image: { readonly name: string; readonly port: number; readonly env: readonly string[] };
  url(port: number): string;
  /** Settings that do not depend on where the server runs. */
  readonly settings: readonly string[];
  /** Makes an empty data folder usable. */
  prepare(place: ServerPlace): Promise<void>;
  /** Where to listen and to keep data, for a process on this machine. */
  placeArgs(place: ServerPlace, port: number): readonly string[];
  /** Resolves when the server answers; rejects with the reason. */
  ping(url: string): Promise<void>;
  /** The data folder of the server that answers at `url`: proof that it is ours and not a neighbour on the same port. */
  dataFolder(url: string): Promise<string>;
}

export interface ServerPlace {
  /** Path of the server program. */
  readonly program: string;
  /** Absolute path without symbolic links. */
  readonly folder: string;
}

export type PackageManager = 'apt' | 'dnf' | 'apk' | 'brew';
