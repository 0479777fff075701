import type { Participant, World } from './world.ts';

/** Everything that the plan lets go wrong, at random moments until {@link World.isOver}. To be called inside a step. */
export function beginTrouble(world: World): void {
  const { plan, store, events } = world;
  for (let count = 0; count < plan.machines; count++) troubleOne(world, world.join());
  happens(world, plan.stalls, () => store.stall(events.spread(10, 3_000)));
  happens(world, plan.upheavals, () => upheaval(world));
  // Fences go by the wall clock of the store. That they increase after a loss of its data too is promised while it is not set back.
  if (plan.upheavals === 0) happens(world, plan.wallJumps, () => store.jumpWall(jumpMs(world)));
}

/** What was broken is mended, and who stood still goes on. */
export function endTrouble(world: World): void {
  world.isOver = true;
  world.note('the trouble is over');
  for (const participant of world.alive()) {
    participant.line.mend();
    participant.line.messages.mend();
    goOn(world, participant);
  }
}

function happens(world: World, perSecond: number, event: () => void, isPossible: () => boolean = () => true): void {
  const { timeline, events } = world;
  if (perSecond === 0) return;
  const next = (): void => {
    timeline.after(events.pause(perSecond), () => {
      if (world.isOver || !isPossible()) return;
      event();
      next();
    });
  };
  next();
}

function jumpMs({ events }: World): number {
  return events.of([1, -1]) * events.spread(10, 3_600_000);
}

function troubleOne(world: World, participant: Participant): void {
  const { plan, timeline, events, note } = world;
  const { machine, line } = participant;
  const often = (perSecond: number, event: () => void): void => happens(world, perSecond, event, () => machine.state !== 'dead' && !participant.isClosing);
  const stop = (how: 'paused' | 'suspended'): void => {
    if (!machine.isRunning) return;
    machine.stop(how);
    note(machine.name, how);
    // Of any length, or a little longer than a lease.
    timeline.after(events.is(0.5) ? events.spread(5, world.longestTtlMs * 2) : events.of(plan.ttls) * events.between(0.8, 2), () => goOn(world, participant));
  };
  often(plan.pauses, () => stop('paused'));
  often(plan.suspends, () => stop('suspended'));
  often(plan.wallJumps, () => {
    const byMs = jumpMs(world);
    note(machine.name, 'wall clock jumps by', byMs);
    machine.jumpWall(byMs);
  });
  often(plan.breaks, () => {
    note(machine.name, 'loses its connection');
    line.break();
    timeline.after(events.spread(1, 3_000), () => line.mend());
  });
  often(plan.messageBreaks, () => {
    note(machine.name, 'loses its connection for messages');
    line.messages.break();
    timeline.after(events.spread(1, 3_000), () => line.messages.mend());
  });
  often(plan.deaths, () => {
    note(machine.name, 'dies');
    machine.die();
    line.die();
    world.oracle.dies(machine);
    replace(world);
  });
  often(plan.closes, () => {
    note(machine.name, 'closes');
    participant.isClosing = true;
    participant.tasks.push(world.close(participant, events.of([0, 0, 500])));
    replace(world);
  });
}

function replace(world: World): void {
  world.timeline.after(world.events.spread(1, 2_000), () => {
    if (!world.isOver) troubleOne(world, world.join());
  });
}

function goOn({ note }: World, { machine }: Participant): void {
  if (machine.isRunning || machine.state === 'dead') return;
  note(machine.name, 'goes on');
  machine.goOn();
}

/** What may let two into a section for a while. */
function upheaval(world: World): void {
  const { store, timeline, events, note, plan } = world;
  const what = events.of(['restart', 'jump', 'force']);
  note('store', what);
  if (what === 'jump') store.jumpClock(events.spread(10, 10_000));
  else if (what === 'force') store.forceRelease({ kind: 'mutex', name: events.of(plan.mutexes) });
  else {
    store.restart();
    for (const { line } of world.alive()) {
      line.break();
      line.messages.break();
      timeline.after(events.spread(1, 500), () => line.mend());
      timeline.after(events.spread(1, 500), () => line.messages.mend());
    }
  }
}
