import { runInContext, silentLogger, type Logger } from '@staddle/kernel';
import { createLogger } from '@staddle/logging';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { lineOf, recordingLogger } from './recording.ts';

const clock = { now: () => Date.UTC(2026, 10, 20, 12, 0, 0, 5), monotonic: () => 0, setTimer: () => ({ cancel() {} }) };

describe('a line', () => {
  it('has the names of the Elastic Common Schema, and free fields under data', () => {
    expect(lineOf({ order: 7, nested: { a: [1, 'x', null, true] } }, 'order taken', { clock })).toEqual({
      '@timestamp': '2026-11-20T12:00:00.005Z',
      'log.level': 'info',
      message: 'order taken',
      'service.name': 'test',
      'service.version': '1.0.0',
      'ecs.version': '8.11.0',
      data: { order: 7, nested: { a: [1, 'x', null, true] } },
    });
  });

  it('carries the context of its flow at the top, the inner value winning', () => {
    const { logger, to } = recordingLogger();
    runInContext({ request_id: 'r1', 'trace.id': 't1', attempt: 1 }, () => runInContext({ attempt: 2 }, () => logger.info({}, 'x')));
    logger.info({}, 'outside');
    expect(to.lines[0]).toMatchObject({ request_id: 'r1', 'trace.id': 't1', attempt: 2 });
    expect(to.lines[1]).not.toHaveProperty('request_id');
  });

  it('keeps context fields that are not fit for the top under data', () => {
    const { logger, to } = recordingLogger();
    const own = { message: 'forged', '@timestamp': 'x', 'service.name': 'x', 'log.level': 'x', 'error.type': 'x', data: 'x', 'quote"': 'x', method: 'a', headers: 'b', socket: 'c' };
    runInContext(own, () => logger.info({ kept: 1 }, 'real'));
    expect(to.lines[0]).toMatchObject({ message: 'real', 'service.name': 'test', method: 'a', headers: 'b', data: { message: 'forged', 'quote"': 'x', socket: 'c', kept: 1 } });
    expect(to.lines[0]).not.toHaveProperty('error.type');
  });

  it('takes at most 20 context fields to the top and cuts their values', () => {
    const { logger, to } = recordingLogger();
    runInContext(Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`field_${i}`, 'x'.repeat(1_000)])), () => logger.info({}, 'x'));
    expect(Object.keys(to.lines[0]!).filter((name) => name.startsWith('field_'))).toHaveLength(20);
    expect(Object.keys(to.lines[0]!.data!)).toHaveLength(5);
    expect(to.lines[0]!['field_0']).toBe(`${'x'.repeat(256)}… 1000 characters`);
  });

  it('takes dotted ECS names with plain values to the top, and nothing else', () => {
    const line = lineOf({ 'http.request.method': 'GET', 'http.response.status_code': 200, 'event.duration': 1.5, 'http.request': { a: 1 }, 'error.type': 'x', 'made.up': 1, http: 'x' });
    expect(line).toMatchObject({ 'http.request.method': 'GET', 'http.response.status_code': 200, 'event.duration': 1.5 });
    expect(line.data).toEqual({ 'http.request': { a: 1 }, 'error.type': 'x', 'made.up': 1, http: 'x' });
  });

  it('puts an error with its causes into error.*, and its further properties under data.err', () => {
    const cause = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new TypeError('cannot load', { cause }), { code: 'ERR_X', field: 'a.b', retryable: true });
    const line = lineOf({ err: error, order: 7 });
    expect(line).toMatchObject({ 'error.type': 'TypeError', 'error.message': 'cannot load', 'error.code': 'ERR_X', data: { order: 7, err: { field: 'a.b', retryable: true } } });
    expect(line['error.stack_trace']).toMatch(/^TypeError: cannot load\n {4}at [^]*\ncaused by: Error: connection refused\n {4}at /);
  });

  it('tells of all errors that an AggregateError gathers, up to ten', () => {
    const line = lineOf({ err: new AggregateError(Array.from({ length: 12 }, (_, i) => new Error(`part ${i}`)), 'all failed') });
    expect(line['error.stack_trace']).toMatch(/^AggregateError: all failed[^]*\ngathers: Error: part 0\n[^]*\ngathers: Error: part 9\n[^]*\ngathers 2 more$/);
  });

  it.each<[unknown, string, string]>([
    ['a text', 'string', 'a text'],
    [42, 'number', '42'],
    [Symbol('x'), 'symbol', 'Symbol(x)'],
    [() => 1, 'function', '[function]'],
    [{ code: 'E', reason: 'why' }, 'object', '{"code":"E","reason":"why"}'],
    [{ message: 'like an error', name: 'Custom' }, 'Custom', 'like an error'],
    [new Proxy({}, {}), 'object', '[proxy]'],
  ])('describes the thrown %s', (thrown, type, message) => {
    expect(lineOf({ err: thrown })).toMatchObject({ 'error.type': type, 'error.message': message });
  });

  it('has no error fields for an absent error', () => {
    expect(Object.keys(lineOf({ err: undefined })).filter((name) => name.startsWith('error.'))).toEqual([]);
    expect(lineOf({ err: null }).data).toEqual({ err: null });
  });

  it('also comes from the other ways in which frameworks call a logger', () => {
    const { logger, to } = recordingLogger();
    const any = logger as unknown as Record<string, (...parameters: unknown[]) => void>;
    any['info']!('only text');
    any['error']!(new Error('only error'));
    any['warn']!(new Error('inner'), 'and text');
    any['info']!(undefined, 'no fields');
    any['info']!(null, undefined);
    expect(to.lines.map((line) => [line['message'], line['error.message']])).toEqual([
      ['only text', undefined],
      ['only error', 'only error'],
      ['and text', 'inner'],
      ['no fields', undefined],
      ['', undefined],
    ]);
  });
});

describe('a child logger', () => {
  it('repeats its fields in each line; those of the line win', () => {
    const { logger, to } = recordingLogger();
    const child = logger.child({ component: 'dispatch', 'labels.zone': 'a', n: 1 }).child({ n: 2, deep: { x: 1 } });
    child.info({ n: 3, own: true }, 'one');
    child.info({}, 'two');
    expect(to.lines[0]).toMatchObject({ 'labels.zone': 'a', data: { component: 'dispatch', n: 3, deep: { x: 1 }, own: true } });
    expect(to.lines[1]!.data).toEqual({ component: 'dispatch', n: 2, deep: { x: 1 } });
  });

  it('keeps the values of the moment it was made', () => {
    const { logger, to } = recordingLogger();
    const state = { phase: 'early' };
    const child = logger.child({ state });
    state.phase = 'late';
    child.info({}, 'x');
    expect(to.lines[0]!.data).toEqual({ state: { phase: 'early' } });
  });

  it('cannot grow without end', () => {
    const { logger, to } = recordingLogger();
    let child = logger;
    for (let i = 0; i < 200; i++) child = child.child({ [`field${i}`]: 'x'.repeat(1_000) });
    child.info({ own: 'kept' }, 'x');
    expect(to.texts[0]!.length).toBeLessThan(32_768);
    expect(to.lines[0]!.data).toMatchObject({ own: 'kept' });
  });
});

describe('levels', () => {
  it('below the chosen one write nothing and look at nothing', () => {
    const { logger, to } = recordingLogger({ level: 'warn' });
    const untouchable = new Proxy({}, { ownKeys: () => { throw new Error('looked at'); } });
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) logger[level](level === 'info' ? untouchable : {}, level);
    expect(to.lines.map((line) => line['log.level'])).toEqual(['warn', 'error', 'fatal']);
  });

  it('can be silent', () => {
    const { logger, to } = recordingLogger({ level: 'silent' });
    logger.fatal({}, 'x');
    expect(to.texts).toEqual([]);
  });

  it('that do not exist are refused', () => {
    expect(() => createLogger({ service: { name: 'x', version: '1' }, level: 'verbose' as 'info' })).toThrow(
      expect.objectContaining({ code: 'ERR_LOGGING_LEVEL', field: 'level', level: 'verbose', message: 'log level "verbose" is not one of trace, debug, info, warn, error, fatal, silent' }),
    );
  });
});

describe('types', () => {
  it('are those of the kernel', () => {
    expectTypeOf(createLogger).returns.toEqualTypeOf<Logger>();
    const { logger } = recordingLogger();
    expect(Object.keys(logger).toSorted()).toEqual(Object.keys(silentLogger).toSorted());
    // @ts-expect-error fields come first
    logger.info('text');
  });
});
