import { backoffMs, sleep, type Clock, type Lifecycle, type Logger, type StaddleError } from '@staddle/kernel';

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
  /** The component whose start() is under way, and the end of that call, good or bad. */
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
    const { name } = component;
    let lastFailure: string | undefined;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      const error = await this.#tryStart(component);
      if (error === undefined) {
        if (attempt > 0) logger.info({ component: name, attempts: attempt + 1 }, `component ${name} has started at last`);
        return;
      }
      signal.throwIfAborted();
      if (!isRetryable(error)) throw new ComponentStartError(name, error);
      // A server that is away for an hour is one line, not a thousand.
      const failure = `${error.code} ${error.message}`;
      if (failure !== lastFailure) logger.warn({ component: name, err: error }, `component ${name} cannot start yet: trying again`);
      lastFailure = failure;
      await sleep(backoffMs(attempt, RETRY), { signal, clock });
    }
  }

  /** Undefined, or the error. */
  async #tryStart(component: Lifecycle): Promise<unknown> {
    const settled = Promise.withResolvers<void>();
    this.#starting = { component, settled: settled.promise };
    try {
      await component.start();
      this.#started.push(component);
      return undefined;
    } catch (error) {
      return error ?? new Error('rejected without a reason');
    } finally {
      this.#starting = undefined;
      settled.resolve();
    }
  }

  /**
   * Stops all that started, last first, also one whose start is under way. Every wait goes through `wait`, which may
   * give up; the rest is still told to stop. Returns the errors by component name.
   */
  async stop(reason: Error, signal: AbortSignal, wait: (work: Promise<void>, component: string) => Promise<void>): Promise<ReadonlyMap<string, unknown>> {
    const failures = new Map<string, unknown>();
    const stopOne = async (component: Lifecycle): Promise<void> => {
      try {
        await component.stop(signal);
      } catch (error) {
        failures.set(component.name, error);
        this.#options.logger.error({ component: component.name, err: error }, `component ${component.name} failed to stop`);
      }
    };
    this.#stopping.abort(reason);
    if (this.#starting) {
      // Its start may be a loop that only stop() ends, or a call that ends by itself and leaves something running:
      // then it is among the started below.
      const { component, settled } = this.#starting;
      await wait(stopOne(component), component.name);
      await wait(settled, component.name);
    }
    for (let component = this.#started.pop(); component; component = this.#started.pop()) {
      await wait(stopOne(component), component.name);
    }
    return failures;
  }
}

function isRetryable(error: unknown): error is StaddleError {
  return error instanceof Error && 'retryable' in error && error.retryable === true;
}

/** True when `work` resolved before the abort; false at the abort, without waiting for it. */
export async function settlesBefore(signal: AbortSignal, work: Promise<unknown>): Promise<boolean> {
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work.then(() => true), aborted.promise.then(() => false)]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
