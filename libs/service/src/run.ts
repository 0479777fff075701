import { hasCode, systemClock, type Lifecycle, type Logger } from '@staddle/kernel';

/** What {@link runService} runs: a service, or several behind one start and stop. */
export interface Runnable extends Lifecycle {
  /** Rejects when the start has failed for good after start() resolved. */
  readonly ready: Promise<void>;
  /** Hears of fatal errors. */
  readonly logger?: Logger;
}

export interface RunOptions {
  /** Hears of fatal errors from the beginning. Default: the logger of the service, once there is one. */
  readonly logger?: Logger;
}

// EX_CONFIG of sysexits.h: a restart will not help, an operator must change something.
const EXIT_CONFIG = 78;

// Ctrl-C reaches us twice when npm is our parent: from the terminal, and forwarded by npm. Nobody presses it again
// within this time, and nobody notices when we ignore that.
const SAME_SIGNAL_MS = 500;

/**
 * Runs a service as this process: the last call of a `main.ts`, and the only place that ends the process.
 *
 * - SIGTERM and SIGINT stop it in order and exit 0, or 1 when the stop failed. A second one, half a second later or more, exits 1 at once.
 * - An error that nobody caught is logged as fatal, stops the service and exits 1: the state of the process is not to be trusted.
 * - A start-up error is one line on stderr and exit 1; a configuration error (`ERR_CONFIG_INVALID`) its whole message and exit 78.
 *
 * `make` builds and starts nothing: a signal while it runs ends the process without waiting for it.
 * The promise never resolves; the process ends first.
 */
export async function runService(make: () => Promise<Runnable>, options: RunOptions = {}): Promise<never> {
  let service: Runnable | undefined;
  let signalledAt: number | undefined;
  let exitCode = 0;
  const quit = Promise.withResolvers<void>();

  const onSignal = (signal: NodeJS.Signals): void => {
    const now = systemClock.monotonic();
    signalledAt ??= now;
    quit.resolve();
    if (now - signalledAt < SAME_SIGNAL_MS) return;
    print(`${signal} again: exiting without waiting for the stop`);
    process.exit(1);
  };
  const onUncaught = (error: unknown, origin: string): void => {
    const logger = options.logger ?? service?.logger;
    if (logger) logger.fatal({ err: error, origin }, 'uncaught error: stopping');
    else print(`uncaught error: ${error instanceof Error ? error.stack : String(error)}`);
    exitCode = 1;
    quit.resolve();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', (reason) => onUncaught(reason, 'unhandledRejection'));
  // A reader that has gone away (EPIPE) is no reason to stop. Uncaught, its error would be printed, which fails again, for
  // ever and before any timer or signal.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

  const up = async (): Promise<void> => {
    service = await make();
    await service.start();
    await service.ready;
    await quit.promise;
  };
  try {
    await Promise.race([up(), quit.promise]);
  } catch (error) {
    exitCode = hasCode(error, 'ERR_CONFIG_INVALID') ? EXIT_CONFIG : 1;
    print(exitCode === EXIT_CONFIG ? (error as Error).message : `${service?.name ?? 'start'}: ${oneLine(error)}`);
  }
  try {
    await service?.stop();
  } catch (error) {
    print(`${service?.name}: ${oneLine(error)}`);
    exitCode ||= 1;
  }
  process.exit(exitCode);
}

// Not through the logger: whoever started the process from a terminal must see why it ended, at any log level.
function print(text: string): void {
  process.stderr.write(`${text}\n`);
}

function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // An error without a code is a fault in the code, not in the setup: the place helps then.
  const place = 'code' in error ? '' : ` ${/\n\s+(at .*)/.exec(error.stack ?? '')?.[1] ?? ''}`;
  return `${error.message.replace(/\s*\n\s*/g, ' ')}${place}`.trim();
}
