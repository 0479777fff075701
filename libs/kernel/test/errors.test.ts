import { describe, expect, it } from 'vitest';
import { hasCode, InvalidDurationError, StaddleError, type KernelErrorCode } from '@staddle/kernel';

class LeaseLostError extends StaddleError {
  override readonly code = 'ERR_TEST_LEASE_LOST';
  override readonly retryable = true;
}

class BadInputError extends StaddleError {
  override readonly code = 'ERR_TEST_INPUT';
  override readonly field: string;

  constructor(message: string, field: string, options?: ErrorOptions) {
    super(message, options);
    this.field = field;
  }
}

describe('StaddleError', () => {
  it('is an Error with the name of its class, also in the stack', () => {
    const error = new LeaseLostError('lease a is lost');
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('LeaseLostError');
    expect(error.stack).toMatch(/^LeaseLostError: lease a is lost\n/);
  });

  it('is not retryable and names no field unless a class says so', () => {
    expect(new BadInputError('no', 'trigger.expr')).toMatchObject({ retryable: false, field: 'trigger.expr' });
    expect(new LeaseLostError()).toMatchObject({ retryable: true });
    expect(new LeaseLostError().field).toBeUndefined();
  });

  it('keeps its cause', () => {
    const cause = new Error('ECONNRESET');
    expect(new BadInputError('no', 'url', { cause }).cause).toBe(cause);
  });

  it('has codes that the compiler knows', () => {
    const code: KernelErrorCode = new InvalidDurationError('x', 'is wrong').code;
    // @ts-expect-error a code that no error of the kernel has
    const wrong: KernelErrorCode = 'ERR_KERNEL_DURATIONS';
    expect([code, wrong]).toEqual(['ERR_KERNEL_DURATION', 'ERR_KERNEL_DURATIONS']);
  });
});

describe('hasCode', () => {
  it('knows errors by their code, of whatever class', () => {
    expect(hasCode(new LeaseLostError(), 'ERR_TEST_LEASE_LOST')).toBe(true);
    expect(hasCode(Object.assign(new Error(), { code: 'ENOENT' }), 'ENOENT')).toBe(true);
    expect(hasCode({ code: 'ERR_TEST_LEASE_LOST' }, 'ERR_TEST_LEASE_LOST')).toBe(true);
    expect(hasCode(new LeaseLostError(), 'ERR_TEST_INPUT')).toBe(false);
  });

  it.each([undefined, null, 'ERR_X', 5, new Error('ERR_X'), { code: 5 }, {}])('takes anything that was thrown: %j', (thrown) => {
    expect(hasCode(thrown, 'ERR_X')).toBe(false);
  });
});
