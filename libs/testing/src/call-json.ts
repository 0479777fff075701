export interface JsonCallOptions {
  /** Default: GET, or POST when there is a body. */
  readonly method?: string;
  /** Sent as JSON; a string goes as it is, so that a test can send what is not JSON. */
  readonly body?: unknown;
  /** Goes as `Authorization: Bearer …`. Default: no identity. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined when nothing came. What a test expects to find is what it says about the type. */
  // oxlint-disable-next-line typescript/no-explicit-any -- JSON of any route
  readonly body: any;
}

/** Calls a JSON route over real HTTP and reads the answer, whatever its status. */
export async function callJson(url: string, { method, body, token, headers = {} }: JsonCallOptions = {}): Promise<JsonAnswer> {
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: body === undefined || typeof body === 'string' ? (body ?? null) : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}
