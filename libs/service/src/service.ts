/**
 * A service: one HTTP app and the components behind it, with an orderly life.
 *
 * Phases, and the function that makes each transition:
 *   created -> starting   start(): the port listens; probes answer, other routes say 503 ERR_SERVICE_NOT_READY
 *   starting -> started   #startComponents(): every component started, in order; `ready` resolves
 *   starting -> draining  stop(), or a component that failed for good; `ready` rejects
 *   started -> draining   stop(): /readyz is red, requests are still served, keep-alive connections are sent away
 *   draining -> stopped   #shutDown(): see there
 *
 * Invariants:
 * 1. /livez depends on nothing but the event loop. A lost database makes a service unready, never dead.
 * 2. A route without `config.public === true` never runs without a verified identity.
 * 3. A route without `config.beforeReady` never runs before every component has started.
 * 4. Bad input never makes a 500; an error that nobody foresaw never shows its message.
 * 5. Components stop only after the last request was answered, in the reverse of their start order.
 * 6. stop() settles by its deadline, whatever hangs, and then names it. It never calls process.exit: see run.ts.
 *
 * Time: the process clock, for backoff, timeouts and durations only.
 */
import type { AddressInfo } from 'node:net';

import { noMetrics, sleep, systemClock, type Clock, type Lifecycle, type Logger, type Metrics } from '@staddle/kernel';

import type { Authenticate } from './authenticate.ts';
import { Components, settlesBefore } from './components.ts';
import { NotReadyError, ServiceListenError, ServicePortTakenError, ServiceStoppedError, StopFailedError, StopTimeoutError } from './errors.ts';
import { Health, serveProbes, type Check, type Phase } from './health.ts';
import { createHttpApp, type ServiceApp } from './http-app.ts';
import { requireIdentity } from './identity.ts';
import { observeRequests, type InFlight } from './observe.ts';
import { serveOpenApi } from './openapi.ts';
import { answerWithProblems, type ProblemRules } from './problem.ts';
import { trackContext } from './request-context.ts';

export interface ServiceOptions {
  readonly name: string;
  readonly version: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** How the operator sets the port, for the message when it is taken: `STADDLE_SCHEDULER__PORT`. */
  readonly portSetting?: string;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Without it there is no `/metrics`. */
  readonly metrics?: { readonly metrics: Metrics; text(): Promise<string>; readonly contentType: string };
  readonly authenticate: Authenticate;
  /** How errors look over HTTP, by code; before the built-in rules. */
  readonly problems?: ProblemRules;
  /** Registers Fastify plugins for the service's routes; they do not touch the chassis' own. */
  readonly plugins?: (app: ServiceApp) => void | Promise<void>;
  readonly routes: (app: ServiceApp) => void | Promise<void>;
  /** Started in this order once the port listens, each retried while its error is retryable; stopped in reverse. */
  readonly components?: readonly Lifecycle[];
  /** What `/readyz` asks, at most once a second. */
  readonly checks?: Readonly<Record<string, Check>>;
  /** Time for one check, in ms. Default 2000. */
  readonly checkTimeoutMs?: number;
  /** How long to serve with a red `/readyz` before the port closes: the time a load balancer takes to look. Default 0. */
  readonly drainDelayMs?: number;
  /** Deadline of the whole stop, drain included. Default 25000, which fits an orchestrator's usual 30 s. */
  readonly stopTimeoutMs?: number;
  /** Largest body taken, in bytes. Default 1 MiB; routes may set their own `bodyLimit`. */
  readonly bodyLimitBytes?: number;
}

export interface Service extends Lifecycle {
  readonly app: ServiceApp;
  readonly logger: Logger;
  /** `http://host:port`; the real port once it listens. */
  readonly url: string;
  /** Resolves when all components have started; rejects when one cannot, or the service is stopped before. */
  readonly ready: Promise<void>;
  /** Resolves when the port listens. Throws `ERR_SERVICE_PORT_TAKEN`, `ERR_SERVICE_LISTEN`, `ERR_SERVICE_STOPPED`. */
  start(): Promise<void>;
  /** Throws `ERR_SERVICE_STOP_TIMEOUT` at the deadline, `ERR_SERVICE_STOP` when a component failed to stop. */
  stop(signal?: AbortSignal): Promise<void>;
}

interface Defaulted {
  readonly checkTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly stopTimeoutMs: number;
  readonly bodyLimitBytes: number;
}

// Node checks its time limit for requests no more once a server closes: a client that died in the middle of its body would
// hold up the stop to the deadline. Bodies of the size that we take arrive in far less.
const BODY_GRACE_MS = 5_000;

const DEFAULTS: Defaulted = Object.freeze({ checkTimeoutMs: 2_000, drainDelayMs: 0, stopTimeoutMs: 25_000, bodyLimitBytes: 1_048_576 });

/**
 * Builds a service; nothing listens before start().
 * Rejects with what `plugins` or `routes` throw, and with `ERR_SERVICE_SCHEMA` for a route that would drop unknown keys.
 */
export async function createService(options: ServiceOptions): Promise<Service> {
  const service = new ChassisService(options);
  try {
    await service.build();
  } catch (error) {
    await service.app.close();
    throw error;
  }
  return service;
}

class ChassisService implements Service {
  readonly name: string;
  readonly app: ServiceApp;
  readonly logger: Logger;
  readonly ready: Promise<void>;
  readonly #options: ServiceOptions & Defaulted;
  readonly #clock: Clock;
  readonly #components: Components;
  readonly #inFlight: InFlight;
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  #phase: Phase = 'starting';
  /** All components run: from the end of the start to the end of the last request. */
  #serving = false;
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    this.#options = { ...DEFAULTS, ...options };
    const { name, logger, metrics, components = [], problems = {}, bodyLimitBytes, clock = systemClock } = this.#options;
    this.name = name;
    this.logger = logger;
    this.#clock = clock;
    this.#components = new Components({ components, logger, clock });
    this.app = createHttpApp({ logger, rules: problems, bodyLimitBytes });
    // First of all hooks: everything else logs in the context, and counts as in flight.
    trackContext(this.app);
    this.#inFlight = observeRequests(this.app, { logger, metrics: metrics?.metrics ?? noMetrics, clock });
    this.ready = this.#ready.promise;
    // Whoever does not wait for readiness has not asked for its failure either; stop() and the log tell it too.
    this.ready.catch(() => {});
  }

  async build(): Promise<void> {
    const { name, version, logger, metrics, authenticate, problems = {}, checks = {}, checkTimeoutMs, plugins, routes } = this.#options;
    const { app } = this;
    const phase = (): Phase => this.#phase;
    answerWithProblems(app, { logger, rules: problems });
    app.addHook('onRequest', (request, _reply, done) => {
      if (this.#serving || request.is404 || request.routeOptions.config.beforeReady === true) done();
      else done(new NotReadyError(this.#phase === 'starting' ? 'starting' : 'draining'));
    });
    requireIdentity(app, authenticate);
    app.addHook('onSend', (_request, reply, _payload, done) => {
      // Sends keep-alive clients to another instance while this one still answers; also those whose request came before the stop.
      if (this.#phase === 'draining') reply.header('connection', 'close');
      done();
    });

    serveProbes(app, new Health({ checks, phase, timeoutMs: checkTimeoutMs, clock: this.#clock, logger }), phase);
    if (metrics) {
      app.get('/metrics', { config: { beforeReady: true }, schema: { hide: true } }, async (_request, reply) =>
        reply.type(metrics.contentType).send(await metrics.text()),
      );
    }
    await serveOpenApi(app, { title: name, version });
    // A scope of their own: a permission guard among the plugins must not see the chassis' routes.
    await app.register(async (scope) => {
      await plugins?.(scope as ServiceApp);
      await scope.after();
      await routes(scope as ServiceApp);
    });
    await app.ready();
  }

  get url(): string {
    const { host, port } = this.#options;
    const bound = this.app.server.address() as AddressInfo | null;
    // A wildcard is no address to call; on every system it includes the loopback.
    const callable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    return `http://${callable.includes(':') ? `[${callable}]` : callable}:${bound?.port ?? port}`;
  }

  start(): Promise<void> {
    if (this.#stopped) return Promise.reject(new ServiceStoppedError(this.name));
    return (this.#started ??= this.#listen().catch((error: unknown) => {
      this.#started = undefined; // The port may be free at the next try.
      throw error;
    }));
  }

  async #listen(): Promise<void> {
    const { host, port, portSetting } = this.#options;
    try {
      await this.app.listen({ host, port, listenTextResolver: (address) => `service ${this.name} listens at ${address}` });
    } catch (error) {
      if (this.#stopped) throw new ServiceStoppedError(this.name);
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new ServicePortTakenError({ host, port, portSetting, cause: error });
      throw new ServiceListenError({ host, port, cause: error as Error });
    }
    if (!this.#stopped) void this.#startComponents();
  }

  async #startComponents(): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.#components.start();
    } catch (error) {
      this.#ready.reject(error);
      if (this.#stopped) return;
      logger.error({ err: error }, `service ${this.name} cannot start`);
      // It listens but will never work: better gone than half there. stop() reports its own trouble to whoever calls it.
      this.stop().catch(() => {});
      return;
    }
    if (this.#stopped) return;
    this.#phase = 'started';
    this.#serving = true;
    logger.info({}, `service ${this.name} is ready`);
    this.#ready.resolve();
  }

  stop(signal?: AbortSignal): Promise<void> {
    return (this.#stopped ??= this.#shutDown(signal));
  }

  async #shutDown(outer: AbortSignal | undefined): Promise<void> {
    const { name, logger, stopTimeoutMs, drainDelayMs } = this.#options;
    this.#phase = 'draining';
    this.#ready.reject(new ServiceStoppedError(name));
    logger.info({}, `service ${name} is stopping`);

    const deadline = new AbortController();
    const timer = this.#clock.setTimer(() => deadline.abort(), stopTimeoutMs);
    const signal = outer ? AbortSignal.any([outer, deadline.signal]) : deadline.signal;
    // What we were waiting for when the deadline came.
    let culprit: string | undefined;
    const wait = async (work: Promise<unknown>, what: () => string): Promise<void> => {
      if (!(await settlesBefore(signal, work))) culprit ??= what();
    };

    // 1. Serve on with a red /readyz until the load balancer has noticed. Pointless if we were never green.
    if (this.#serving && drainDelayMs > 0) await sleep(drainDelayMs, { signal, clock: this.#clock }).catch(() => {});

    // 2. Close the port and the idle connections; wait for the open requests. Not yet for the sockets: those of
    //    upgraded connections close only when their component stops.
    const closed = this.#close();
    const bodiesDue = this.#clock.setTimer(() => this.#inFlight.dropUnfinished(), BODY_GRACE_MS);
    await wait(this.#inFlight.idle(), () => this.#inFlight.describe());
    bodiesDue.cancel();
    this.#serving = false; // Whoever still comes, on a connection opened before, hears 503.

    // 3. Components, last started first.
    const failures = await this.#components.stop(new ServiceStoppedError(name), signal, (work, component) => wait(work, () => `component ${component}`));

    // 4. The rest of the sockets: connections that never sent a request (browsers open them in advance) or were told
    //    to keep alive before the stop. Node would wait for their timeouts.
    this.app.server.closeAllConnections();
    await wait(closed, () => 'open connections');
    timer.cancel();
    if (culprit !== undefined) {
      const error = new StopTimeoutError(name, culprit);
      logger.error({ err: error }, `service ${name} did not stop in time`);
      throw error;
    }
    if (failures.size > 0) throw new StopFailedError(name, failures);
    logger.info({}, `service ${name} has stopped`);
  }

  async #close(): Promise<void> {
    // A start that is under way must settle first: Fastify cannot close a server that is about to listen.
    await this.#started?.catch(() => {});
    await this.app.close();
  }
}
