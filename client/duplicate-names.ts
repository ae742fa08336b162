/** Strings, each with the colon that makes it a name, and the brackets around them. */
const TOKENS = /("(?:[^"\\]|\\.)*")\s*(:)?|[{}[\]]/gu;

/**
 * Whether an object of a JSON text has a name twice. Parsers differ in which one counts, so two parties may read two
 * things in one signed text.
 *
 * @param json a text that `JSON.parse` takes
 */
export function hasDuplicateNames(json: string): boolean {
  const open: Set<string>[] = [];
  for (const [token, string, colon] of json.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (string !== undefined && colon !== undefined) {
      // As it is read, not as it is written: "\u0073ub" is "sub".
      const name = String(JSON.parse(string));
      const names = open.at(-1);
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}
