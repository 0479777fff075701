import { StaddleError } from '@staddle/kernel';

/** The name of one of the six fields of a cron expression. */
export type CronPart = 'second' | 'minute' | 'hour' | 'day of month' | 'month' | 'day of week';

export interface CronFault {
  readonly expression: string;
  /** The offending piece of the expression. */
  readonly value: string;
  /** Index of the first character of `value` in the expression, from 0. */
  readonly position: number;
  readonly part?: CronPart | undefined;
  readonly rule: string;
}

/** A cron expression outside the grammar, or one that can never match. */
export class CronSyntaxError extends StaddleError {
  override readonly code = 'ERR_CRON_SYNTAX';
  override readonly field: string = 'expr';
  readonly expression: string;
  readonly value: string;
  readonly position: number;
  readonly part: CronPart | undefined;
  readonly rule: string;

  constructor({ expression, value, position, part, rule }: CronFault) {
    super(`cron ${part ?? 'expression'} ${show(value)} at position ${position} of ${show(expression)} ${rule}`);
    this.expression = expression;
    this.value = value;
    this.position = position;
    this.part = part;
    this.rule = rule;
  }
}

/** A trigger that is not well formed: wrong kind, unknown or missing key, value out of bounds, unknown time zone. */
export class TriggerSyntaxError extends StaddleError {
  override readonly code = 'ERR_CRON_TRIGGER';
  /** The key of the trigger; undefined when the trigger as a whole is at fault. */
  declare readonly field?: string;
  readonly value: unknown;
  readonly rule: string;

  constructor(field: string | undefined, value: unknown, rule: string, options?: ErrorOptions) {
    super(['trigger', field, value === undefined ? undefined : show(value), rule].filter((word) => word !== undefined).join(' '), options);
    if (field !== undefined) this.field = field;
    this.value = value;
    this.rule = rule;
  }
}

/** `next` was asked of a trigger whose times depend on when it is created: call `resolve` first. */
export class TriggerUnresolvedError extends StaddleError {
  override readonly code = 'ERR_CRON_UNRESOLVED';
  readonly kind: string;

  constructor(kind: string) {
    super(`trigger of kind ${kind} has no times before resolve(nowMs) ties it to an instant`);
    this.kind = kind;
  }
}

/** A number that is no instant: NaN, or for `resolve` outside 1970 to 9999. */
export class InvalidInstantError extends StaddleError {
  override readonly code = 'ERR_CRON_INSTANT';
  readonly value: unknown;

  constructor(value: unknown, rule: string) {
    super(`instant ${String(value)} ${rule}`);
    this.value = value;
  }
}

export type CronErrorCode = (CronSyntaxError | TriggerSyntaxError | TriggerUnresolvedError | InvalidInstantError)['code'];

// Bounds what a hostile input can put into a log line.
const LONGEST_SHOWN = 120;

function show(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = Object.prototype.toString.call(value); // a cycle, or a bigint inside
  }
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
