export const SERVICE_NAMES = ['scheduler', 'push', 'shortener'] as const;

export type ServiceName = (typeof SERVICE_NAMES)[number];

/** Parts the command line: names of services, and flags for the configuration. Without a name, all of them. */
export function servicesToStart(args: readonly string[]): { names: readonly ServiceName[]; flags: readonly string[] } {
  const flags = args.filter((arg) => arg.startsWith('--'));
  const names = args.filter((arg) => !arg.startsWith('--'));
  const unknown = names.filter((name) => !isServiceName(name));
  if (unknown.length > 0) {
    process.stderr.write(`there is no service "${unknown.join('", "')}"; npm start [${SERVICE_NAMES.join('|')}]\n`);
    process.exit(64);
  }
  return { names: names.length > 0 ? names.filter(isServiceName) : SERVICE_NAMES, flags };
}

function isServiceName(name: string): name is ServiceName {
  return (SERVICE_NAMES as readonly string[]).includes(name);
}
