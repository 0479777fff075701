import { captureError } from '@staddle/logging';
import { describe, expect, it } from 'vitest';
import { recordingLogger } from './recording.ts';

describe('captureError', () => {
  it('logs one error once, through however many layers it is thrown', () => {
    const { logger, to } = recordingLogger();
    const logged: boolean[] = [];
    const layer = (depth: number): void => {
      try {
        if (depth === 0) throw new TypeError('broken');
        layer(depth - 1);
      } catch (error) {
        logged.push(captureError(logger, error, { depth }));
        throw error;
      }
    };
    expect(() => layer(3)).toThrow('broken');
    expect(logged).toEqual([true, false, false, false]);
    expect(to.lines).toHaveLength(1);
    expect(to.lines[0]).toMatchObject({ 'log.level': 'error', message: 'broken', 'error.type': 'TypeError', data: { depth: 0 } });
  });

  it('counts causes and gathered errors as logged with the error that holds them, also in cycles', () => {
    const { logger, to } = recordingLogger();
    const cause = new Error('cause');
    const part = new Error('part', { cause });
    cause.cause = part;
    expect(captureError(logger, new AggregateError([part], 'all'))).toBe(true);
    expect([captureError(logger, part), captureError(logger, cause)]).toEqual([false, false]);
    expect(captureError(logger, new Error('new, about an old one', { cause }))).toBe(true);
    expect(to.lines.map((line) => line['message'])).toEqual(['all', 'new, about an old one']);
  });

  it('logs whatever is thrown, frozen, hostile or not an object', () => {
    const { logger, to } = recordingLogger();
    const hostile = Object.defineProperty({}, 'message', { get: () => { throw new Error('getter'); } });
    const frozen = Object.freeze(new Error('frozen'));
    for (const thrown of ['text', undefined, null, 5, frozen, hostile, new Proxy({}, {})]) expect(captureError(logger, thrown)).toBe(true);
    expect(captureError(logger, frozen)).toBe(false);
    expect(to.lines.map((line) => line['error.message'])).toEqual(['text', undefined, undefined, '5', 'frozen', '{}', '[proxy]']);
    expect(to.lines[0]!['message']).toBe('an error without a message was thrown');
  });

  it('does not call the getters of its fields and lets none of them replace the error', () => {
    const { logger, to } = recordingLogger();
    const fields = { get boom() { throw new Error('getter'); }, err: new Error('other') };
    captureError(logger, new Error('mine'), fields as Record<string, unknown>);
    expect(to.lines[0]).toMatchObject({ 'error.message': 'mine', data: { boom: '[getter]' } });
  });
});
