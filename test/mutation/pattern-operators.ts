const OTHER_CLASSES: Readonly<Record<string, string>> = { d: 'D', D: 'd', s: 'S', S: 's', w: 'W', W: 'w' };

/** Regular expressions a little beside the given one: an anchor, a quantifier or an alternative less, a class turned round. */
export function patternsBeside(pattern: string, flags: string): readonly string[] {
  const found: string[] = [];
  const without = (start: number, end: number, text = ''): void => {
    found.push(pattern.slice(0, start) + text + pattern.slice(end));
  };
  /** Where the alternatives of each open group begin. */
  const groups: number[][] = [[0]];
  const endGroup = (end: number): void => {
    const starts = groups.pop() ?? [];
    if (starts.length > 1) {
      starts.forEach((start, index) => {
        const next = starts[index + 1];
        if (next === undefined) without(start - 1, end);
        else without(start, next);
      });
    }
  };
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const rest = pattern.slice(at);
    const escaped = /^\\(.)/.exec(rest)?.[1];
    if (escaped !== undefined) {
      const other = OTHER_CLASSES[escaped];
      if (other !== undefined) without(at, at + 2, `\\${other}`);
      at++;
    } else if (inClass) {
      inClass = rest[0] !== ']';
    } else if (rest[0] === '[') {
      inClass = true;
      if (rest[1] === '^') without(at + 1, at + 2);
      else without(at, at + 1, '[^');
    } else if (rest[0] === '(') {
      const prefix = /^\((?:\?(?:[:=!]|<[=!]|<\w+>))?/.exec(rest)?.[0] ?? '(';
      at += prefix.length - 1;
      groups.push([at + 1]);
    } else if (rest[0] === ')') {
      endGroup(at);
    } else if (rest[0] === '|') {
      groups.at(-1)?.push(at + 1);
    } else if (rest[0] === '^' || rest[0] === '$') {
      without(at, at + 1);
    } else {
      const quantifier = /^(?:[?*+]|\{\d+(?:,\d*)?\})\??/.exec(rest)?.[0];
      if (quantifier !== undefined) {
        without(at, at + quantifier.length);
        at += quantifier.length - 1;
      }
    }
  }
  endGroup(pattern.length);
  return [...new Set(found)].filter((other) => other !== pattern && other !== '' && isPattern(other, flags));
}

function isPattern(pattern: string, flags: string): boolean {
  try {
    return new RegExp(pattern, flags).source === pattern;
  } catch {
    return false;
  }
}
