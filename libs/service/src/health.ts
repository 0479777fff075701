import type { Clock, Logger } from '@staddle/kernel';
import type { FastifyInstance } from 'fastify';

/** Probes a dependency. Resolves when it is usable; `signal` aborts at the timeout. */
export type Check = (signal: AbortSignal) => Promise<void>;

export type ReadinessStatus = 'starting' | 'ready' | 'degraded' | 'draining';

/** The service's own part of readiness. */
export type Phase = 'starting' | 'started' | 'draining';

export interface HealthOptions {
  readonly checks: Readonly<Record<string, Check>>;
  readonly phase: () => Phase;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

type CheckResult = 'pending' | 'ok' | 'failed' | 'timeout';

interface Outcome {
  readonly result: CheckResult;
  readonly error?: unknown;
}

interface CheckState {
  readonly name: string;
  readonly check: Check;
  result: CheckResult;
  /** Stays true for a check that ignores its signal; it is not called a second time meanwhile, and keeps its result. */
  running: boolean;
}

// Kubernetes asks every few seconds, a load balancer per node: one round a second is enough for all of them,
// and a dependency in trouble is not hammered.
const CACHE_MS = 1_000;

/** Readiness: the phase of the service and the state of its checks, probed at most once a second however many ask. */
export class Health {
  readonly #options: HealthOptions;
  readonly #checks: readonly CheckState[];
  #round: Promise<void> | undefined;
  #roundEndedAt = Number.NEGATIVE_INFINITY;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#checks = Object.entries(options.checks).map(([name, check]) => ({ name, check, result: 'pending', running: false }));
  }

  /** What `/readyz` says now. Never rejects. */
  async readiness(): Promise<{ status: ReadinessStatus; checks: Record<string, CheckResult> }> {
    const { phase } = this.#options;
    if (phase() !== 'draining') await this.#probe();
    const checks = Object.fromEntries(this.#checks.map(({ name, result }) => [name, result]));
    const now = phase();
    if (now !== 'started') return { status: now, checks };
    return { status: this.#checks.every(({ result }) => result === 'ok') ? 'ready' : 'degraded', checks };
  }

  async #probe(): Promise<void> {
    if (this.#options.clock.monotonic() - this.#roundEndedAt < CACHE_MS) return;
    await (this.#round ??= this.#runAll());
  }

  async #runAll(): Promise<void> {
    await Promise.all(this.#checks.map((state) => this.#run(state)));
    this.#roundEndedAt = this.#options.clock.monotonic();
    this.#round = undefined;
  }

  async #run(state: CheckState): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    if (state.running) return;
    const abort = new AbortController();
    const timeout = Promise.withResolvers<Outcome>();
    const timer = clock.setTimer(() => {
      const error = new Error(`check ${state.name} took longer than ${timeoutMs} ms`);
      timeout.resolve({ result: 'timeout', error });
      abort.abort(error);
    }, timeoutMs);
    state.running = true;
    const probe = call(state.check, abort.signal).finally(() => (state.running = false));
    const { result, error } = await Promise.race([probe, timeout.promise]);
    timer.cancel();
    this.#note(state, result, error);
  }

  #note(state: CheckState, result: CheckResult, error: unknown): void {
    const { logger } = this.#options;
    const before = state.result;
    state.result = result;
    if (result === before) return;
    if (result !== 'ok') logger.warn({ check: state.name, err: error }, `readiness check ${state.name}: ${result}`);
    else if (before !== 'pending') logger.info({ check: state.name }, `readiness check ${state.name}: ok again`);
  }
}

async function call(check: Check, signal: AbortSignal): Promise<Outcome> {
  try {
    await check(signal);
    return { result: 'ok' };
  } catch (error) {
    return { result: 'failed', error };
  }
}

/** The probes of an orchestrator: public, never behind the readiness gate. */
export function serveProbes(app: FastifyInstance, health: Health, phase: () => Phase): void {
  const config = { public: true, beforeReady: true };
  const schema = { hide: true };
  // Says only that the event loop turns. A probe of dependencies here would restart all instances when the database is away.
  app.get('/livez', { config, schema }, () => ({ status: 'alive' }));
  app.get('/startupz', { config, schema }, (_request, reply) => {
    const started = phase() !== 'starting';
    return reply.code(started ? 200 : 503).send({ status: started ? 'started' : 'starting' });
  });
  app.get('/readyz', { config, schema }, async (request, reply) => {
    const { status, checks } = await health.readiness();
    const verbose = Object.hasOwn(request.query as object, 'verbose');
    return reply
      .code(status === 'ready' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(verbose ? { status, checks } : { status });
  });
}
