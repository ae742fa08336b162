import type { AnyNode, CallExpression, Literal } from 'acorn';
import { patternsBeside } from './pattern-operators.ts';

/** A change of a source text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** What a reader is shown: the expression or statement around the change. */
  readonly before: string;
  readonly after: string;
}

const OTHER_OPERATORS: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '**': ['*'],
  '+=': ['-='],
  '-=': ['+='],
  '*=': ['/='],
  '??=': ['='],
};
const OTHER_METHODS: Readonly<Record<string, string>> = {
  every: 'some',
  some: 'every',
  min: 'max',
  max: 'min',
  floor: 'ceil',
  ceil: 'floor',
  round: 'floor',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
};
/** Methods whose call may be left out: what they are called on is of the same kind. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'filter',
  'flat',
  'normalize',
  'padEnd',
  'padStart',
  'replace',
  'replaceAll',
  'slice',
  'toLowerCase',
  'toReversed',
  'toSorted',
  'toUpperCase',
  'toWellFormed',
  'trim',
  'trimEnd',
  'trimStart',
]);

/** Makes the changes of one node; `shown` is what a reader sees instead of the code, where that is longer. */
class Edits {
  readonly #code: string;
  readonly #node: AnyNode;

  constructor(code: string, node: AnyNode) {
    this.#code = code;
    this.#node = node;
  }

  textOf({ start, end }: Range): string {
    return this.#code.slice(start, end);
  }

  /** The node becomes another expression; in brackets, so that its surroundings bind as before. */
  instead(...texts: readonly string[]): Edit[] {
    return texts.map((text) => this.of(this.#node, isSimple(text) ? text : `(${text})`, text));
  }

  /** A part becomes something else, shown by itself. */
  of({ start, end }: Range, text: string, shown = text): Edit {
    return { start, end, text, before: this.textOf({ start, end }), after: shown };
  }

  /** A part becomes something else, shown within the whole node. */
  within({ start, end }: Range, text: string): Edit {
    const { start: from, end: to } = this.#node;
    const after = this.#code.slice(from, start) + text + this.#code.slice(end, to);
    return { start, end, text, before: this.textOf(this.#node), after };
  }

  /** The operator between two operands becomes another one. */
  operator(left: Range, right: Range, operator: string, others: readonly string[]): Edit[] {
    const start = this.#code.indexOf(operator, left.end);
    if (start > right.start) return [];
    return others.map((other) => this.within({ start, end: start + operator.length }, other));
  }

  /** The statement is left out. */
  removed(): Edit {
    return this.of(this.#node, ';', '');
  }

  /** Each item of a list is left out, with one comma. */
  eachLeftOut(items: readonly (Range | null)[]): Edit[] {
    return items.flatMap((item, index) => {
      if (!item) return [];
      const [start, end] = withComma(this.#code, item, index === 0);
      return [{ start, end, text: '', before: `[…] with ${this.textOf(item)}`, after: 'without' }];
    });
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** The changes that are made at this very node of a program. */
export function editsOf(code: string, node: AnyNode, parent: AnyNode | undefined): readonly Edit[] {
  const edits = new Edits(code, node);
  const decided = (test: Range | null | undefined, values: readonly string[]): Edit[] =>
    test ? values.map((value) => edits.of(test, value)) : [];

  switch (node.type) {
    case 'BinaryExpression':
      if (node.operator === 'instanceof' || node.operator === 'in') return edits.instead('true', 'false');
      return edits.operator(node.left, node.right, node.operator, OTHER_OPERATORS[node.operator] ?? []);
    case 'LogicalExpression': {
      const [left, right] = [edits.textOf(node.left), edits.textOf(node.right)];
      const other = node.operator === '&&' ? '||' : '&&';
      return edits.instead(left, right, ...(node.operator === '??' ? [] : [`(${left}) ${other} (${right})`]));
    }
    case 'UnaryExpression':
      return node.operator === '!' || node.operator === '-' ? edits.instead(edits.textOf(node.argument)) : [];
    case 'UpdateExpression':
      return edits.instead(edits.textOf(node).replace(node.operator, node.operator === '++' ? '--' : '++'));
    case 'AssignmentExpression':
      return edits.operator(node.left, node.right, node.operator, OTHER_OPERATORS[node.operator] ?? []);
    case 'AssignmentPattern':
      return [edits.of(node, edits.textOf(node.left))];
    case 'IfStatement':
    case 'ConditionalExpression':
      return decided(node.test, ['true', 'false']);
    case 'WhileStatement':
    case 'ForStatement':
      return decided(node.test, ['false']);
    case 'ExpressionStatement':
      return 'directive' in node ? [] : [edits.removed()];
    case 'ThrowStatement':
    case 'ContinueStatement':
    case 'BreakStatement':
      return [edits.removed()];
    case 'ReturnStatement':
      if (!node.argument) return [edits.removed()];
      return isUndefined(node.argument) ? [] : [edits.of(node, 'return undefined;')];
    case 'ArrowFunctionExpression': {
      if (node.body.type === 'BlockStatement' || isUndefined(node.body)) return [];
      // From the arrow on: the body may stand in brackets, which are no part of it.
      const start = code.lastIndexOf('=>', node.body.start) + '=>'.length;
      return [edits.within({ start, end: node.end }, ' undefined')];
    }
    case 'SwitchCase': {
      const [first, last] = [node.consequent[0], node.consequent.at(-1)];
      return first && last ? [edits.within({ start: first.start, end: last.end }, '')] : [];
    }
    case 'CatchClause':
      return node.body.body.length > 0 ? [edits.within(node.body, '{}')] : [];
    case 'ArrayExpression':
      return edits.eachLeftOut(node.elements);
    case 'ObjectExpression':
      return edits.eachLeftOut(node.properties);
    case 'MemberExpression': {
      const gap = { start: node.object.end, end: node.property.start };
      return node.optional ? [edits.within(gap, withoutChain(edits.textOf(gap)))] : [];
    }
    case 'CallExpression':
      return editsOfCall(node, edits);
    case 'Literal':
      return isValue(node, parent) ? edits.instead(...othersOf(node)) : [];
    case 'TemplateLiteral':
      return edits.instead('``');
    default:
      return [];
  }
}

function editsOfCall({ callee, ...node }: CallExpression, edits: Edits): Edit[] {
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return [];
  const { name } = callee.property;
  const other = OTHER_METHODS[name];
  return [
    ...(other === undefined ? [] : [edits.within(callee.property, other)]),
    ...(LEFT_OUT.has(name) ? [edits.of(node, edits.textOf(callee.object))] : []),
  ];
}

function isUndefined(node: AnyNode): boolean {
  return node.type === 'Identifier' && node.name === 'undefined';
}

/** Needs no brackets wherever an expression may stand. */
function isSimple(text: string): boolean {
  return /^(?:[\w.#]+|'[^']*'|``)$/.test(text);
}

/** An item of a list with the comma before it, or after it where it is the first. */
function withComma(code: string, { start, end }: Range, isFirst: boolean): [start: number, end: number] {
  if (!isFirst) return [code.lastIndexOf(',', start), end];
  const comma = /^\s*,/.exec(code.slice(end))?.[0] ?? '';
  return [start, end + comma.length];
}

/** `?.` becomes `.`, and nothing before a bracket. */
function withoutChain(text: string): string {
  return text.endsWith('[') ? text.replace('?.', '') : text.replace('?.', '.');
}

/** Keys and module names are no values. */
function isValue(node: Literal, parent: AnyNode | undefined): boolean {
  if (!parent || /^(Import|Export)/.test(parent.type)) return false;
  const isKey = 'key' in parent && parent.key === node && 'computed' in parent && !parent.computed;
  return !isKey && parent.type !== 'ExpressionStatement';
}

function othersOf({ value, regex }: Literal): readonly string[] {
  if (regex) return patternsBeside(regex.pattern, regex.flags).map((pattern) => `/${pattern}/${regex.flags}`);
  switch (typeof value) {
    case 'boolean':
      return [String(!value)];
    case 'number':
      // From 1 to 0 rather than 2: of the results of a comparison only the sign counts.
      return [String(value === 1 ? 0 : value + 1)];
    case 'string':
      return [value === '' ? "'another text'" : "''"];
    default:
      return [];
  }
}
