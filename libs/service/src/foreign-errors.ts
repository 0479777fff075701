import { BodyLimitError, HeaderLimitError, MalformedBodyError, MediaTypeError, RequestRefusedError, RequestTimeoutError, UrlError } from './errors.ts';

/** What Fastify and Node's HTTP parser find wrong with a request, by their code, in our words. */
const TRANSLATIONS: Readonly<Record<string, () => Error>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new MediaTypeError(),
  FST_ERR_CTP_BODY_TOO_LARGE: () => new BodyLimitError(),
  FST_ERR_CTP_INVALID_JSON_BODY: () => new MalformedBodyError('is not valid JSON'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new MalformedBodyError('is not as long as content-length says'),
  FST_ERR_BAD_URL: () => new UrlError(400),
  FST_ERR_MAX_PARAM_LENGTH: () => new UrlError(414),
  ERR_HTTP_REQUEST_TIMEOUT: () => new RequestTimeoutError(),
  HPE_HEADER_OVERFLOW: () => new HeaderLimitError(),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: () => new BodyLimitError(),
};

/** Our error for a foreign one that blames the request; anything else comes back as it is. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return error;
  const { code } = error;
  if (Object.hasOwn(TRANSLATIONS, code)) return TRANSLATIONS[code]!();
  // A plugin of Fastify that refuses a request. Errors from elsewhere may carry a status too, that of an upstream
  // for example: it says nothing about our caller.
  const isRefusal = code.startsWith('FST_') && 'statusCode' in error && Number(error.statusCode) >= 400 && Number(error.statusCode) < 500;
  if (isRefusal) return new RequestRefusedError(Number(error.statusCode), error.message);
  // Everything the parser says about bytes that are not HTTP.
  if (code.startsWith('HPE_')) return new RequestRefusedError(400, 'the request is not valid HTTP');
  return error;
}
