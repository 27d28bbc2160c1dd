/** Helpers for libpg-query's syntax trees. */
import type { Node, RangeVar } from 'libpg-query';
import { needsQuotes } from './parser';

type UnionKeys<T> = T extends unknown ? keyof T : never;
/** The node kinds of the tree: `AlterTableStmt`, `ColumnDef`, … */
export type NodeKind = UnionKeys<Node>;
export type NodeBody<K extends NodeKind> = Extract<Node, Record<K, unknown>>[K];

/** Returns the kind of a node, and its fields. */
export function getKindAndBody(node: Node): [kind: NodeKind, body: object] {
  return Object.entries(node)[0] as [NodeKind, object];
}

/** Returns the node's fields if it is of this kind. */
export function unwrapNode<K extends NodeKind>(node: Node | undefined, kind: K): NodeBody<K> | undefined {
  return (node as Record<K, NodeBody<K>> | undefined)?.[kind];
}

/** Returns the fields of those nodes in a list that are of this kind. */
export const unwrapNodes = <K extends NodeKind>(nodes: readonly Node[] | undefined, kind: K): NodeBody<K>[] =>
  (nodes ?? []).flatMap((node) => unwrapNode(node, kind) ?? []);

/**
 * Returns the byte position of the leftmost token in the tree; `undefined` if the tree has none. Trees do not contain
 * brackets.
 */
export function findFirstLocation(root: Node): number | undefined {
  let first: number | undefined;
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value !== 'object' || value === null) continue;
    const { location } = value as { location?: unknown };
    if (typeof location === 'number' && location >= 0 && !(location >= (first ?? Infinity))) first = location;
    for (const child of Object.values(value)) stack.push(child);
  }
  return first;
}

/**
 * Returns the parts of a qualified name. The parser gives them as a list of strings, inside a List if the name is one
 * of many.
 */
export function listNameParts(node: Node | readonly Node[] | undefined): string[] {
  const items = Array.isArray(node) ? (node as Node[]) : unwrapNode(node as Node | undefined, 'List')?.items;
  return unwrapNodes(items ?? (node ? [node as Node] : []), 'String').map((word) => word.sval ?? '');
}

export const quoteIfNeeded = (identifier: string): string =>
  needsQuotes(identifier) ? `"${identifier.replaceAll('"', '""')}"` : identifier;

/** Returns the name as SQL has it, quoted if needed. It is also the key of a relation. */
export const formatSqlName = (parts: readonly string[]): string => parts.map(quoteIfNeeded).join('.');

export const formatRelation = ({ schemaname, relname }: RangeVar): string =>
  formatSqlName(schemaname ? [schemaname, relname ?? ''] : [relname ?? '']);

/** Returns the option of this name from `WITH (…)`, `(…)` and similar lists. */
export const findOption = (options: readonly Node[] | undefined, name: string) =>
  unwrapNodes(options, 'DefElem').find((element) => element.defname?.toLowerCase() === name);

/**
 * Tells whether a boolean option is given without a value, or with a value that is not off. If it is given twice, the
 * server uses the last.
 */
export const isOptionOn = (options: readonly Node[] | undefined, name: string): boolean =>
  unwrapNodes(options, 'DefElem').some(({ defname, arg }) => {
    const word =
      unwrapNode(arg, 'String')?.sval ??
      unwrapNode(arg, 'Boolean')?.boolval ??
      unwrapNode(arg, 'Integer')?.ival;
    const off = arg !== undefined && /^(false|off|no|0|undefined)$/i.test(String(word));
    return defname?.toLowerCase() === name && !off;
  });
