import { toMermaid, transitionSql } from '@staddle/flags';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runMachine, TASK_VERBS, taskMachine } from '../src/machines.ts';
import { RunFlags, TaskFlags, type RunWord, type TaskWord } from '../src/states.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('tasks', () => {
  it('are drawn in the README as they are', () => {
    expect(readme).toContain(`\`\`\`mermaid\n${toMermaid(taskMachine, 'phase')}\`\`\``);
  });

  it('accept the documented verbs', () => {
    const accepted = TaskFlags.names(TaskFlags.mask.phase).map((phase) => TASK_VERBS.filter((verb) => taskMachine.can(TaskFlags.of(phase, 'Broken'), verb)));
    expect(accepted).toEqual([['pause', 'resume', 'run', 'delete'], ['pause', 'resume', 'run', 'delete'], ['run', 'delete'], ['delete']]);
  });

  it('keep the qualifier, which only resuming clears', () => {
    expect(taskMachine.next(TaskFlags.of('Active', 'Broken'), 'pause')).toBe(TaskFlags.of('Paused', 'Broken'));
    expect(taskMachine.next(TaskFlags.of('Paused', 'Broken'), 'resume')).toBe(TaskFlags.of('Active'));
  });

  it('can be deleted when they are damaged, and nothing else', () => {
    const damaged = 3 as TaskWord;
    expect(taskMachine.enabled(damaged)).toEqual(['delete']);
    expect(taskMachine.next(damaged, 'delete')).toBe(TaskFlags.of('Deleted'));
  });
});

describe('runs', () => {
  it('are drawn in the README as they are', () => {
    expect(readme).toContain(`\`\`\`mermaid\n${toMermaid(runMachine, 'phase')}\`\`\``);
  });

  it('end for good', () => {
    for (const phase of RunFlags.names(RunFlags.mask.Terminal)) expect(runMachine.enabled(RunFlags.of(phase))).toEqual([]);
  });

  it('do nothing any more when they are damaged', () => {
    expect(runMachine.enabled(6 as RunWord)).toEqual([]);
  });

  it('keep their qualifiers, also those of a later version', () => {
    const word = RunFlags.fromBits(RunFlags.of('Claimed', 'Late', 'Manual') + 2 ** 25, 'retain');
    expect(runMachine.next(word, 'start')).toBe(RunFlags.of('Running', 'Late', 'Manual') + 2 ** 25);
  });

  it('are checked and changed in one statement', () => {
    expect(transitionSql(runMachine, 'reclaim', 'state')).toEqual({ where: '(`state` & 1007) in (4, 8)', set: '((`state` & ~1005) | 131074)' });
  });
});
