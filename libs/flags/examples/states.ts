import { defineFlags, type FlagsOf } from '@staddle/flags';

const State = defineFlags('run', {
  bits: { Ready: 0, Running: 1, Done: 2, Failed: 3, Late: 8 },
  groups: { phase: { of: ['Ready', 'Running', 'Done', 'Failed'], arity: 'exactly-one' } },
  masks: { Terminal: ['Done', 'Failed'] },
});
type State = FlagsOf<typeof State>;

const ready: State = State.of('Ready', 'Late');
const done = State.add(ready, 'Done'); // takes the place of Ready
console.log(done, State.format(done), State.which(done, 'phase')); // 260 Done | Late Done
console.log(!State.isDisjointFrom(done, State.mask.Terminal)); // true

const row = State.fromBits(4096 + 4, 'retain'); // a newer process has set bit 12
console.log(State.format(State.add(row, 'Failed'))); // Failed | 0x1000
