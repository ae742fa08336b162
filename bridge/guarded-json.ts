import { isWellFormed } from '../contracts/shared/text.ts';
import { RejectedBody } from './rejection.ts';

const MAX_DEPTH = 32;
/** Keys that turn into prototype pollution as soon as anyone copies the object carelessly. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
const COLON = ':'.charCodeAt(0);
const COMMA = ','.charCodeAt(0);
const OPENING: ReadonlySet<number> = new Set(['{', '['].map((bracket) => bracket.charCodeAt(0)));
const CLOSING: ReadonlySet<number> = new Set(['}', ']'].map((bracket) => bracket.charCodeAt(0)));

/**
 * Parses JSON that comes from outside into data that is safe to walk and copy. Linear in the length of the text.
 *
 * @param part what the text is, for the sentence of a rejection
 * @throws RejectedBody with `TooDeep`, `InvalidJson`, `ForbiddenKey` or `IllFormedText`
 */
export function parseGuardedJson(text: string, part: string): unknown {
  // Before JSON.parse, so that a body of brackets alone costs neither stack nor memory.
  if (isNestedDeeperThan(MAX_DEPTH, text)) {
    throw new RejectedBody('TooDeep', `${part} is nested more than ${MAX_DEPTH} levels deep`);
  }
  const value = parse(text, part);
  checkValue(value, part);
  return value;
}

function parse(text: string, part: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    throw new RejectedBody('InvalidJson', `${part} is not JSON: ${fault}`);
  }
}

function isNestedDeeperThan(limit: number, text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    if (inString) {
      if (character === BACKSLASH) index += 1;
      else if (character === QUOTE) inString = false;
    } else if (character === QUOTE) {
      inString = true;
    } else if (OPENING.has(character)) {
      depth += 1;
      if (depth > limit) return true;
    } else if (CLOSING.has(character)) {
      depth -= 1;
    }
  }
  return false;
}

/** Recursion is bounded: the depth was checked on the text. */
function checkValue(value: unknown, part: string): void {
  if (typeof value === 'string') {
    checkText(value, part);
  } else if (Array.isArray(value)) {
    for (const item of value) checkValue(item, part);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (FORBIDDEN_KEYS.has(key)) throw new RejectedBody('ForbiddenKey', `${part} has a key named ${key}`);
      checkText(key, part);
      checkValue(item, part);
    }
  }
}

function checkText(text: string, part: string): void {
  if (isWellFormed(text)) return;
  throw new RejectedBody('IllFormedText', `${part} holds a lone surrogate, which has no UTF-8 form`);
}

/**
 * Keys that the object in this JSON gives more than once with different values, at its top level. Parsers disagree on which
 * of the values counts (`JSON.parse` takes the last), so a message cannot be trusted to mean one thing in such a field.
 *
 * @param text JSON of an object, checked by {@link parseGuardedJson}
 */
export function contradictedKeys(text: string): ReadonlySet<string> {
  const contradicted = new Set<string>();
  const values = new Map<string, string>();
  for (const [key, value] of topLevelMembers(text)) {
    if ((values.get(key) ?? value) !== value) contradicted.add(key);
    values.set(key, value);
  }
  return contradicted;
}

/** Keys and the text of their values, in their order. */
function* topLevelMembers(text: string): Generator<readonly [key: string, value: string]> {
  let depth = 0;
  let lastString = '';
  let key: string | undefined;
  let valueStart = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    if (character === QUOTE) {
      const end = endOfString(text, index);
      if (depth === 1 && key === undefined) lastString = text.slice(index, end);
      index = end - 1;
    } else if (OPENING.has(character)) {
      depth += 1;
    } else if (depth === 1 && character === COLON) {
      key = String(JSON.parse(lastString));
      valueStart = index + 1;
    } else if (CLOSING.has(character) || (depth === 1 && character === COMMA)) {
      if (depth === 1 && key !== undefined) yield [key, text.slice(valueStart, index).trim()];
      if (depth === 1) key = undefined;
      if (character !== COMMA) depth -= 1;
    }
  }
}

/** Where the string that begins here ends, its closing quote included. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text.charCodeAt(index) !== QUOTE) {
    index += text.charCodeAt(index) === BACKSLASH ? 2 : 1;
  }
  return index + 1;
}
