/*
 * The shape of what is defined, looked at before its meaning. The type checker does this for literals only: an object that
 * comes from elsewhere may have a misspelt key, and an event whose condition nobody reads would start from every word.
 */

/** Notes a broken rule. What is defined is refused with all of them. */
export type Fault = (path: string, value: unknown, rule: string) => void;

/** Whether it is an object; a key that is not in `keys` is a fault. `within` is what the path of a key begins with. */
export function isShape(fault: Fault, path: string, value: unknown, keys: readonly string[], within: string = `${path}.`): boolean {
  if (!isRecord(fault, path, value)) return false;
  for (const [key, item] of Object.entries(value)) if (!keys.includes(key)) fault(`${within}${key}`, item, `is none of the parts ${keys.join(', ')}`);
  return true;
}

/** Whether it is an object with names of its own. */
export function isRecord(fault: Fault, path: string, value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return true;
  fault(path, value, 'is no object');
  return false;
}

export function checkList(fault: Fault, path: string, value: unknown): void {
  if (!Array.isArray(value)) fault(path, value, 'is no list of names');
  // A hole would be passed over.
  else if (Array.from<unknown>(value).includes(undefined)) fault(path, value, 'has a hole');
}
