import assert from 'node:assert/strict';

/** Named steps of a walk, counted in the form that CI systems read. */
export class Steps {
  #passed = 0;
  #failed = 0;

  /** Runs one step and prints what it returns as text; a failed step ends the walk, because every later one builds on it. */
  async run<T>(name: string, step: () => Promise<T>, { quiet = false } = {}): Promise<T> {
    try {
      const result = await step();
      this.#passed += 1;
      console.log(`  ok    ${name}${typeof result === 'string' && !quiet ? `: ${result}` : ''}`);
      return result;
    } catch (error) {
      this.#failed += 1;
      console.log(`  FAILED ${name}`);
      throw error;
    }
  }

  get counts(): { passed: number; failed: number } {
    return { passed: this.#passed, failed: this.#failed };
  }
}

export interface Api {
  get<T>(url: string): Promise<T>;
  post<T>(url: string, body?: unknown): Promise<T>;
}

/** JSON over HTTP with a bearer token; an answer outside of 2xx fails the step with its problem document. */
export function createApi(token: string): Api {
  const call = async <T>(method: string, url: string, body?: unknown): Promise<T> => {
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${url} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  return { get: (url) => call('GET', url), post: (url, body) => call('POST', url, body) };
}

/** Asks until `check` gives something other than undefined. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined>, timeoutMs = 20_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await check();
    if (result !== undefined) return result;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
