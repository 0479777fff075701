import { startDockerServer } from './docker-server.ts';
import { ServersUnavailableError } from './errors.ts';
import { startLocalServer } from './local-server.ts';
import { thisMachine, type Machine } from './machine.ts';
import { installCommand, planPrivateServer, type ServerPlan } from './server-plan.ts';
import type { ServerKind, TestServer, TestServerOptions } from './test-server.ts';

/**
 * Starts a private server by whatever means the machine has.
 * @throws ServersUnavailableError (`ERR_TESTING_SERVERS`) with the command to type
 * @throws ServerStartError (`ERR_TESTING_SERVER_START`)
 */
export async function startPrivateServer(kind: ServerKind, options: TestServerOptions = {}, machine: Machine = thisMachine): Promise<TestServer> {
  const plan = await planPrivateServer(kind, machine);
  if (plan.by === 'nothing') throw noServers([kind], machine);
  if (plan.by === 'apt') await installByApt([kind], machine);
  return startPlanned(kind, plan, options, machine);
}

/** Carries out a plan other than `url` and `nothing`; packages of an `apt` plan are installed by now. */
export function startPlanned(kind: ServerKind, plan: ServerPlan, options: TestServerOptions, machine: Machine): Promise<TestServer> {
  if (plan.by === 'docker') return startDockerServer(kind, options);
  const program = plan.by === 'program' ? plan.program : machine.findProgram(kind.programs);
  if (!program) throw new ServersUnavailableError(`${kind.packages.apt} is installed, but none of ${kind.programs.join(', ')} is found`);
  return startLocalServer(kind, program, options);
}

/** Debian's way, visible, because it takes minutes and changes the machine. Only ever planned for root. */
export async function installByApt(kinds: readonly ServerKind[], machine: Machine): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // Test files of several processes may come here at the same time; apt-get then waits for its turn.
  const patience = ['-o', 'DPkg::Lock::Timeout=600'];
  const install = ['install', '-y', '--no-install-recommends', ...kinds.map((kind) => kind.packages.apt)];
  for (const args of [[...patience, 'update'], [...patience, ...install]]) {
    const { code } = await machine.run('apt-get', args, { env, visible: true });
    if (code !== 0) throw new ServersUnavailableError(`apt-get ${args.join(' ')} ended with code ${code}; its output is above`);
  }
}

export function noServers(kinds: readonly ServerKind[], machine: Machine): ServersUnavailableError {
  const names = kinds.map((kind) => kind.name).join(' and ');
  const variables = kinds.map((kind) => kind.variable).join(' and ');
  return new ServersUnavailableError(
    `no ${names} server for the tests: neither ${variables} nor a program nor Docker is there. Install with "${installCommand(kinds, machine)}", or start Docker, or point ${variables} to a server`,
  );
}
