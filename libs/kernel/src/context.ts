import { AsyncLocalStorage } from 'node:async_hooks';

/** Flat fields that every log line of an asynchronous flow carries: `request_id`, `cron_task`, `trace.id`. */
export type ContextFields = Readonly<Record<string, string | number | boolean>>;

// One storage for the process even when two copies of this package are installed: otherwise a library
// would write fields that the application's logger never sees.
const KEY = Symbol.for('@staddle/kernel.context');
const holder = globalThis as { [KEY]?: AsyncLocalStorage<ContextFields> };
const storage = (holder[KEY] ??= new AsyncLocalStorage<ContextFields>());

const NO_FIELDS: ContextFields = Object.freeze({});

/** Runs `fn` with `fields` added to the current context; nested calls merge, the inner value wins. */
export function runInContext<T>(fields: ContextFields, fn: () => T): T {
  return storage.run(Object.freeze({ ...storage.getStore(), ...fields }), fn);
}

/** The fields of the current flow; an empty object outside of any. */
export function contextFields(): ContextFields {
  return storage.getStore() ?? NO_FIELDS;
}

/**
 * Ties `fn` to the context of this moment. Needed for event emitters and pooled connections, which call
 * back in the context of whoever woke them.
 */
export function bindContext<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  // Outside of any context as well: the callback must not pick up the fields of whoever wakes it.
  const fields = contextFields();
  return (...args) => storage.run(fields, fn, ...args);
}
