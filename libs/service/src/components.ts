import { backoffMs, sleep, StaddleError, type Clock, type Lifecycle, type Logger } from '@staddle/kernel';

import { ComponentStartError } from './errors.ts';

export interface ComponentsOptions {
  readonly components: readonly Lifecycle[];
  readonly logger: Logger;
  readonly clock: Clock;
}

// The first retries come fast, for a database that is only restarting; later ones do not hammer one that is away.
const RETRY = { baseMs: 250, capMs: 10_000 };

/** Starts the parts of a service in order, waiting for those that are away, and stops them in reverse. */
export class Components {
  readonly #options: ComponentsOptions;
  readonly #started: Lifecycle[] = [];
  readonly #stopping = new AbortController();
  /** The component whose start() is under way, and the end of that call, whatever it is. */
  #starting: { readonly component: Lifecycle; readonly settled: Promise<void> } | undefined;

  constructor(options: ComponentsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when all have started; rejects with `ERR_SERVICE_COMPONENT` for an error that is not retryable,
   * and with the abort reason when {@link Components.stop} comes first.
   */
  async start(): Promise<void> {
    for (const component of this.#options.components) await this.#startOne(component);
  }

  async #startOne(component: Lifecycle): Promise<void> {
    const { logger, clock } = this.#options;
    const { signal } = this.#stopping;
    let lastFailure: string | undefined;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      try {
        const call = component.start().then(() => {
          this.#started.push(component);
        });
        this.#starting = { component, settled: call.catch(() => {}) };
        await call;
        if (attempt > 0) logger.info({ component: component.name, attempts: attempt + 1 }, `component ${component.name} started at last`);
        return;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!(error instanceof Error && (error as Partial<StaddleError>).retryable === true)) throw new ComponentStartError(component.name, error);
        // A server that is away for an hour is one line, not a thousand.
        const failure = `${String((error as Partial<StaddleError>).code)} ${error.message}`;
        if (failure !== lastFailure) logger.warn({ component: component.name, err: error }, `component ${component.name} cannot start yet; trying again`);
        lastFailure = failure;
      } finally {
        this.#starting = undefined;
      }
      await sleep(backoffMs(attempt, RETRY), { signal, clock });
    }
  }

  /**
   * Stops all that started, last first, also one whose start is under way. `onWait` hears the name of the one being
   * waited for. At the abort of `signal` nothing is awaited any more, but the rest is still told to stop.
   */
  async stop(signal: AbortSignal, reason: Error, onWait: (component: string) => void): Promise<Map<string, unknown>> {
    const failures = new Map<string, unknown>();
    const stopOne = async (component: Lifecycle): Promise<void> => {
      onWait(component.name);
      try {
        await component.stop(signal);
      } catch (error) {
        failures.set(component.name, error);
        this.#options.logger.error({ component: component.name, err: error }, `component ${component.name} failed to stop`);
      }
    };
    this.#stopping.abort(reason);
    const starting = this.#starting;
    if (starting) {
      // Its start may be a loop that only stop() ends, or a call that ends on its own and leaves something running.
      await untilAborted(stopOne(starting.component), signal);
      onWait(starting.component.name);
      await untilAborted(starting.settled, signal);
    }
    for (let component = this.#started.pop(); component; component = this.#started.pop()) {
      await untilAborted(stopOne(component), signal);
    }
    return failures;
  }
}

/** Waits for `work`, but not beyond the abort. */
export function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
