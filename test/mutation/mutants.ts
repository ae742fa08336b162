import { parse, type AnyNode } from 'acorn';
import { editsOf, type Edit } from './operators.ts';

/** What tells a mutant from the others of its file, wherever in the file it moves. */
export interface MutantName {
  /** The function or method it lies in: `EventLedger.offer`, or `module`. */
  readonly where: string;
  /** The text before and after, on one line; with an ordinal where the function holds the same change more than once. */
  readonly change: string;
}

/** A module with one small change, which some test must notice. */
export interface Mutant extends MutantName {
  /** The whole changed module, as JavaScript. */
  readonly code: string;
}

/** All mutants of a module, in the order of its text. */
export function mutantsOf(code: string): readonly Mutant[] {
  const program: AnyNode = parse(code, { ecmaVersion: 'latest', sourceType: 'module' });
  const found: { where: string; edit: Edit }[] = [];
  visit(program, [], (node, ancestors) => {
    const parent = ancestors.at(-1);
    for (const edit of editsOf(code, node, parent)) found.push({ where: placeOf([...ancestors, node]), edit });
  });
  found.sort((left, right) => left.edit.start - right.edit.start);
  const seen = new Map<string, number>();
  return withoutRepeats(found).map(({ where, edit }) => {
    const change = `${oneLine(edit.before)} → ${oneLine(edit.after) || 'nothing'}`;
    const key = `${where} ${change}`;
    const ordinal = (seen.get(key) ?? 0) + 1;
    seen.set(key, ordinal);
    return {
      where,
      change: ordinal === 1 ? change : `${change} (${ordinal})`,
      code: code.slice(0, edit.start) + edit.text + code.slice(edit.end),
    };
  });
}

/** A condition that is an expression of its own is changed as both. */
function withoutRepeats<Found extends { readonly edit: Edit }>(found: readonly Found[]): readonly Found[] {
  const keyOf = ({ edit: { start, end, text } }: Found): string => `${start} ${end} ${text}`;
  return [...new Map(found.map((one) => [keyOf(one), one])).values()];
}

function visit(
  node: AnyNode,
  ancestors: readonly AnyNode[],
  onNode: (node: AnyNode, ancestors: readonly AnyNode[]) => void,
): void {
  onNode(node, ancestors);
  const inside = [...ancestors, node];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, inside, onNode);
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'type') === 'string';
}

function placeOf(nodes: readonly AnyNode[]): string {
  const names = nodes.flatMap((node) => {
    switch (node.type) {
      case 'ClassDeclaration':
      case 'FunctionDeclaration':
        return node.id ? [node.id.name] : [];
      case 'MethodDefinition':
        return nameOf(node.key);
      case 'PropertyDefinition':
        return nameOf(node.key);
      default:
        return [];
    }
  });
  return names.length > 0 ? names.join('.') : 'module';
}

function nameOf(key: AnyNode): string[] {
  if (key.type === 'PrivateIdentifier') return [`#${key.name}`];
  return key.type === 'Identifier' ? [key.name] : [];
}

const LONGEST = 120;

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
