import type * as z from 'zod';
import { ConfigError, loadConfig, type ConfigFault, type LoadConfigOptions, type LoadedConfig } from '@staddle/config';

/** `loadConfig` that sees neither this process's environment nor a file in its working directory. */
export function load<S extends z.ZodObject>(options: Partial<LoadConfigOptions<S>> & { schema: S }): LoadedConfig<z.output<S>> {
  return loadConfig({ env: {}, cwd: '/nonexistent', ...options });
}

/** The faults with which `run` fails. */
export function faultsOf(run: () => unknown): readonly ConfigFault[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

/** The only fault with which `run` fails. */
export function faultOf(run: () => unknown): ConfigFault {
  const [fault, ...more] = faultsOf(run);
  if (!fault || more.length > 0) throw new Error(`there are ${more.length + 1} faults: ${JSON.stringify([fault, ...more])}`);
  return fault;
}
