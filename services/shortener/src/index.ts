export { createShortenerService, type ShortenerServiceOptions } from './app.ts';
export { shortenerSchema, SIBLINGS, type ShortenerConfig } from './config.ts';
export { LinkDeletedError, type ShortenerErrorCode } from './errors.ts';
export { VERSION } from './version.ts';
