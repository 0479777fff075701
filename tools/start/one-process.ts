import type { Database } from '@staddle/database';
import type { Runnable, Service } from '@staddle/service';

export interface OneProcessOptions {
  /** Groups that stop one after the other; the services of a group stop together. */
  readonly stopOrder: readonly (readonly Service[])[];
  /** Shared by the services, closed after the last of them. */
  readonly database: Database | undefined;
  readonly warnings: readonly string[];
  readonly onReady: () => void;
}

/** Several services behind one start and one stop. */
export function inOneProcess({ stopOrder, database, warnings, onReady }: OneProcessOptions): Runnable {
  const services = stopOrder.flat();
  const started = Promise.withResolvers<void>();
  const ready = started.promise.then(() => Promise.all(services.map((service) => service.ready))).then(onReady);
  // Whoever awaits `ready` hears of the failure; nobody does when the start itself has failed.
  ready.catch(() => {});
  return {
    name: 'staddle',
    ready,
    ...(services[0] ? { logger: services[0].logger } : {}),
    async start() {
      for (const warning of warnings) services[0]?.logger.warn({}, warning);
      await Promise.all(services.map((service) => service.start()));
      started.resolve();
    },
    async stop(signal) {
      const failures: unknown[] = [];
      const settle = async (work: readonly (Promise<void> | undefined)[]): Promise<void> => {
        for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') failures.push(outcome.reason);
      };
      // One that hangs must not cost the others their orderly end: visits that are not written yet, open sockets.
      for (const group of stopOrder) await settle(group.map((service) => service.stop(signal)));
      await settle([database?.close()]);
      if (failures.length > 0) throw failures[0];
    },
  };
}
