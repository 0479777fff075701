import { StaddleError } from '@staddle/kernel';

/** What `build` gives; undefined where the random input is refused, as what never comes is. */
export function unlessRefused<T>(build: () => T): T | undefined {
  try {
    return build();
  } catch (error) {
    if (error instanceof StaddleError && ['ERR_CRON_TRIGGER', 'ERR_CRON_SYNTAX'].includes(error.code)) return undefined;
    throw error;
  }
}
