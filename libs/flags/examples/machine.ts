import { defineFlags, machineOf, toMermaid, transitionSql } from '@staddle/flags';

const State = defineFlags('run', {
  bits: { Ready: 0, Running: 1, Done: 2, Failed: 3, Late: 8 },
  groups: { phase: { of: ['Ready', 'Running', 'Done', 'Failed'], arity: 'exactly-one' } },
  masks: { Terminal: ['Done', 'Failed'] },
});
const machine = machineOf(State)<{ tries: number }>()(
  {
    start: { from: { all: ['Ready'] }, set: ['Running'] },
    finish: { from: { all: ['Running'] }, set: ['Done'], clear: ['Late'] },
    fail: { from: { all: ['Running'] }, set: ['Failed'], guard: ({ tries }) => tries > 3 },
  },
  { initial: ['Ready'], terminal: 'Terminal' },
);

const running = State.of('Running', 'Late');
console.log(machine.enabled(running)); // [ 'finish', 'fail' ]
console.log(machine.apply(running, 'finish', { tries: 1 })); // { ok: true, changed: true, value: 4 }
console.log(machine.apply(running, 'fail', { tries: 1 })); // { ok: false, reason: 'guard', current: 258 }

const { where, set } = transitionSql(machine, 'start', 'state');
console.log(`update run set state = ${set} where id = ? and ${where}`); // update run set state = ((`state` & ~13) | 2) where id = ? and (`state` & 15) = 1
console.log(toMermaid(machine, 'phase').split('\n')[2]); //   Ready --> Running: start
