import { StaddleError } from '@staddle/kernel';

/** A plain HTTP request to the WebSocket endpoint: mostly a proxy that drops the Upgrade header. */
export class UpgradeRequiredError extends StaddleError {
  override readonly code = 'ERR_PUSHSERVICE_UPGRADE_REQUIRED';
  readonly statusCode = 426;

  constructor() {
    super('this path speaks WebSocket; the request holds no upgrade to it');
  }
}

export type PushServiceErrorCode = UpgradeRequiredError['code'];
