/** Helpers over libpg-query's syntax trees. */
import type { Node, RangeVar } from 'libpg-query';
import { needsQuotes } from './parser';

type KeysOf<T> = T extends unknown ? keyof T : never;
/** Names of the tree's node kinds: `AlterTableStmt`, `ColumnDef`, … */
export type Kind = KeysOf<Node>;
export type Body<K extends Kind> = Extract<Node, Record<K, unknown>>[K];

/** The one kind that a node is of, and its fields. */
export function kindOf(node: Node): [kind: Kind, body: object] {
  return Object.entries(node)[0] as [Kind, object];
}

/** The node's fields when it is of this kind. */
export function as<K extends Kind>(node: Node | undefined, kind: K): Body<K> | undefined {
  return (node as Record<K, Body<K>> | undefined)?.[kind];
}

/** Nodes of this kind out of a list, without their wrapping. */
export const all = <K extends Kind>(nodes: readonly Node[] | undefined, kind: K): Body<K>[] =>
  (nodes ?? []).flatMap((node) => as(node, kind) ?? []);

/** Byte position of the leftmost token that the tree knows of; undefined when it knows none. Brackets are not in trees. */
export function firstLocation(root: Node): number | undefined {
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

/** The words of a qualified name, which the parser gives as a list of strings (in a List, where it is one of many). */
export function words(node: Node | readonly Node[] | undefined): string[] {
  const items = Array.isArray(node) ? (node as Node[]) : as(node as Node | undefined, 'List')?.items;
  return all(items ?? (node ? [node as Node] : []), 'String').map((word) => word.sval ?? '');
}

export const quoteIfNeeded = (identifier: string): string =>
  needsQuotes(identifier) ? `"${identifier.replaceAll('"', '""')}"` : identifier;

/** As SQL names it, quoted where needed; the key under which a relation is known. */
export const sqlName = (parts: readonly string[]): string => parts.map(quoteIfNeeded).join('.');

export const relationOf = ({ schemaname, relname }: RangeVar): string =>
  sqlName(schemaname ? [schemaname, relname ?? ''] : [relname ?? '']);

/** The option of this name, of `WITH (…)`, `(…)` and the like. */
export const option = (options: readonly Node[] | undefined, name: string) =>
  all(options, 'DefElem').find((element) => element.defname?.toLowerCase() === name);

/** A boolean option that is given without a value, or with one that is not off. Given twice, the server takes the last. */
export const isOn = (options: readonly Node[] | undefined, name: string): boolean =>
  all(options, 'DefElem').some(({ defname, arg }) => {
    const word = as(arg, 'String')?.sval ?? as(arg, 'Boolean')?.boolval ?? as(arg, 'Integer')?.ival;
    const off = arg !== undefined && /^(false|off|no|0|undefined)$/i.test(String(word));
    return defname?.toLowerCase() === name && !off;
  });
