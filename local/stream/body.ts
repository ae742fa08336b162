import { inputError } from './errors.ts';

/** Deepest nesting of arrays and objects accepted. Own choice: keeps recursion over bodies safe. */
const DEEPEST = 64;

/** Parses a JSON body whatever its content type, because body-less PUTs carry a form's. Undefined when empty. */
export function parseBody(bytes: unknown): unknown {
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return undefined;
  const text = bytes.toString('utf8');
  if (text.trim() === '') return undefined;
  if (isTooDeep(text)) throw inputError(`the body must not be nested deeper than ${DEEPEST} levels`);
  try {
    return JSON.parse(text);
  } catch {
    throw inputError('the body is not valid JSON');
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let position = 0; position < text.length; position += 1) {
    const character = text[position];
    if (isInString) {
      if (character === '\\') position += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (depth > DEEPEST) return true;
  }
  return false;
}
