import type { Machine } from './machine.ts';
import type { PackageManager, ServerKind } from './test-server.ts';

/**
 * How to get a server, decided from what the machine has and from nothing else:
 * 1. an address in the environment; 2. a program that is installed; 3. Docker; 4. apt-get as root, for want of
 * anything better (a container or CI image); 5. nothing, with the command that a person would type.
 */
export type ServerPlan =
  | { readonly by: 'url'; readonly url: string }
  | { readonly by: 'program'; readonly program: string }
  | { readonly by: 'docker' }
  | { readonly by: 'apt' }
  | { readonly by: 'nothing' };

/** For the servers of a test run. */
export async function planServer(kind: ServerKind, machine: Machine): Promise<ServerPlan> {
  const url = machine.env(kind.variable);
  return url ? { by: 'url', url } : planPrivateServer(kind, machine);
}

/** For a server that a test kills or pauses: never the one in the environment. */
export async function planPrivateServer(kind: ServerKind, machine: Machine): Promise<ServerPlan> {
  const program = machine.findProgram(kind.programs);
  if (program) return { by: 'program', program };
  if (await machine.dockerWorks()) return { by: 'docker' };
  if (machine.findProgram(['apt-get']) && machine.uid === 0) return { by: 'apt' };
  return { by: 'nothing' };
}

/** The command that would help, exact for the platform. */
export function installCommand(kinds: readonly ServerKind[], machine: Machine): string {
  const sudo = machine.uid === 0 ? '' : 'sudo ';
  const packages = (manager: PackageManager): string => kinds.map((kind) => kind.packages[manager]).join(' ');
  if (machine.platform === 'darwin') return `brew install ${packages('brew')}`;
  if (machine.findProgram(['apt-get'])) return `${sudo}apt-get install -y --no-install-recommends ${packages('apt')}`;
  if (machine.findProgram(['dnf'])) return `${sudo}dnf install -y ${packages('dnf')}`;
  if (machine.findProgram(['apk'])) return `${sudo}apk add ${packages('apk')}`;
  return kinds.map((kind) => `docker run -d --rm ${publish(kind)} ${kind.image.name} && export ${kind.variable}=${kind.url(kind.image.port)}`).join(' && ');
}

function publish({ image }: ServerKind): string {
  return [`-p 127.0.0.1:${image.port}:${image.port}`, ...image.env.map((setting) => `-e ${setting}`)].join(' ');
}
