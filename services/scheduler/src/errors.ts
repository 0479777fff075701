import { StaddleError } from '@staddle/kernel';

/** The http handler may not call this target, or the address that its name stands for. */
export class TargetRefusedError extends StaddleError {
  override readonly code = 'ERR_SCHEDULER_HTTP_TARGET';

  constructor(target: string, rule: string) {
    super(`${target} ${rule}`);
  }
}

/** The target answered with something other than 2xx. */
export class HttpStatusError extends StaddleError {
  override readonly code = 'ERR_SCHEDULER_HTTP_STATUS';
  readonly status: number;

  constructor(request: string, status: number, excerpt: string) {
    super(`${request} answered ${status}${status >= 300 && status < 400 ? '; redirects are not followed' : ''}${excerpt ? `: ${excerpt}` : ''}`);
    this.status = status;
  }
}

/** The target had not answered in full at the deadline. */
export class HttpDeadlineError extends StaddleError {
  override readonly code = 'ERR_SCHEDULER_HTTP_DEADLINE';

  constructor(request: string, deadlineMs: number) {
    super(`${request} did not answer within ${deadlineMs} ms`);
  }
}

/** The push service did not take a publication. */
export class PushFailedError extends StaddleError {
  override readonly code = 'ERR_SCHEDULER_PUSH';
  override readonly retryable = true;

  constructor(channel: string, reason: string, options?: ErrorOptions) {
    super(`publishing to ${channel} failed: ${reason}`, options);
  }
}

export type SchedulerErrorCode = TargetRefusedError['code'] | HttpStatusError['code'] | HttpDeadlineError['code'] | PushFailedError['code'];
