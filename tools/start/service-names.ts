export const SERVICE_NAMES = ['scheduler', 'push', 'shortener'] as const;

export type ServiceName = (typeof SERVICE_NAMES)[number];

const USAGE = `npm start [${SERVICE_NAMES.join('|')}]`;

/** Parts the command line: names of services, and flags for the configuration. Without a name, all of them. */
export function servicesToStart(args: readonly string[]): { names: readonly ServiceName[]; flags: readonly string[] } {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}, or with settings: npm start -- scheduler --scheduler.port=4150 --log.level=info\nThe READMEs of services/ and libs/config list the settings.\n`);
    process.exit(0);
  }
  const flags = args.filter((arg) => arg.startsWith('--'));
  const names = args.filter((arg) => !arg.startsWith('--'));
  const unknown = names.filter((name) => !isServiceName(name));
  if (unknown.length > 0) {
    process.stderr.write(`there is no service "${unknown.join('", "')}"; ${USAGE}\n`);
    const flag = args[args.indexOf(unknown[0]!) - 1];
    if (flag?.startsWith('--') && !flag.includes('=')) process.stderr.write(`a flag and its value are one word: ${flag}=${unknown[0]}\n`);
    process.exit(64);
  }
  return { names: names.length > 0 ? names.filter(isServiceName) : SERVICE_NAMES, flags };
}

function isServiceName(name: string): name is ServiceName {
  return (SERVICE_NAMES as readonly string[]).includes(name);
}
