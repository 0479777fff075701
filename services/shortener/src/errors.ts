import { StaddleError } from '@staddle/kernel';

/** There was a link with this slug, and its owner deleted it. */
export class LinkDeletedError extends StaddleError {
  override readonly code = 'ERR_SHORTENER_LINK_DELETED';
  readonly statusCode = 410;

  constructor(slug: string) {
    super(`link "${slug}" was deleted`);
  }
}

export type ShortenerErrorCode = LinkDeletedError['code'];
