import type { Logger } from '@staddle/kernel';
import { UnknownHandlerError } from './errors.ts';

/** The task a run belongs to, as its handler sees it. */
export interface HandlerTask {
  readonly uid: string;
  readonly module: string;
  readonly handler: string;
  readonly title: string | undefined;
  readonly userName: string | undefined;
  readonly bizKey: string | undefined;
}

/** The run that a handler is called for. */
export interface HandlerRun {
  /** The same each time the run is started again, so it serves as an idempotency key. */
  readonly uid: string;
  readonly manual: boolean;
  /** The instant the trigger named, epoch ms. What it stands for in the calendar does not change when the run is late. */
  readonly scheduledAt: number;
  readonly attempt: number;
  /** How often the run was taken up, this time included. More than 1: an earlier owner died, and may have done part of the work. */
  readonly claims: number;
}

export interface HandlerContext<Payload = unknown> {
  readonly run: HandlerRun;
  readonly task: HandlerTask;
  /** What `parsePayload` made of the stored payload; without one, the payload itself. */
  readonly payload: Payload;
  /** Aborts when the handler takes too long, when the lease is lost and when the process stops. `reason` says which. */
  readonly signal: AbortSignal;
  /** Grows with every claim of the run. A store that remembers the highest fence it saw can refuse an owner that was taken over. */
  readonly fence: number;
  /** Throws when this process may no longer act for the run. Call it before an effect that must not happen twice. */
  assertOwned(): void;
  readonly log: Logger;
}

/** Code that runs tasks. Methods, so that a handler of one payload type fits into a record of many. */
export interface Handler<Payload = unknown> {
  /** What it returns is kept as the run's result, as JSON. What it throws makes the run FAILED. */
  run(context: HandlerContext<Payload>): unknown;
  /**
   * Reads the payload: at creation, so that a bad one is refused, and before each run. Must not have effects.
   * Throws InvalidPayloadError (`ERR_DISPATCH_PAYLOAD`) to name the field at fault; any other error blames the whole payload.
   */
  parsePayload?(payload: unknown): Payload;
  /** Ms until the signal aborts and the run is FAILED. Default: no limit. */
  readonly timeoutMs?: number;
}

/** Handlers under `handler` (for every module) or `module/handler` (for one, before the other). */
export type Handlers = Readonly<Record<string, Handler | Handler['run']>>;

/** What this process can run, in the terms of a claim. */
export interface HandlerNames {
  /** Handlers of every module. */
  readonly any: readonly string[];
  /** Handlers of one module. */
  readonly qualified: readonly { readonly module: string; readonly handler: string }[];
}

export interface HandlerRegistry {
  readonly names: HandlerNames;
  /** @throws UnknownHandlerError (`ERR_DISPATCH_HANDLER`) */
  find(module: string, handler: string): Handler;
}

export function createHandlerRegistry(handlers: Handlers): HandlerRegistry {
  const byName = new Map(Object.entries(handlers).map(([name, handler]): [string, Handler] => [name, typeof handler === 'function' ? { run: handler } : handler]));
  const any: string[] = [];
  const qualified: { module: string; handler: string }[] = [];
  for (const name of byName.keys()) {
    const slash = name.indexOf('/');
    if (slash < 0) any.push(name);
    else qualified.push({ module: name.slice(0, slash), handler: name.slice(slash + 1) });
  }
  return {
    names: { any, qualified },
    find(module, handler) {
      const found = byName.get(`${module}/${handler}`) ?? byName.get(handler);
      if (!found) throw new UnknownHandlerError(module, handler, [...byName.keys()]);
      return found;
    },
  };
}
