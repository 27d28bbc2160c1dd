/**
 * Reports which statements of a dump did not load, and why. Statements that need an object that did not load are
 * counted under it. Pure.
 */

import { formatCount } from '../../../../lambda/audit/names';
import type { NotCheckedItem } from '../../../../lambda/audit/not-checked';

/** More statements of one kind than this are only counted. */
const MAX_LISTED = 5;

export interface UnloadedObject {
  /** `table public.orders` */
  readonly what: string;
  readonly why: string;
  /** Name of an object that did not load, if that is the reason; it is reported separately. */
  readonly because?: string;
}

/**
 * Finds the object in an error message that failed to load before.
 * @param failed names of objects that did not load, such as `public.orders`
 */
export function findCause(message: string, failed: ReadonlySet<string>): string | undefined {
  return [...message.matchAll(/"([^"]+)"/g)].map(([, name]) => name!).find((name) => failed.has(name));
}

/** Returns the name of an object that others may need: `table public.orders` → `public.orders`. */
export const readObjectName = (what: string): string | null =>
  /^(?:table|view|materialized view|type|domain|function|sequence|schema|foreign table) (\S.*)$/.exec(
    what,
  )?.[1] ?? null;

export function buildNotChecked(all: readonly UnloadedObject[]): readonly NotCheckedItem[] {
  const groups = new Map<string, UnloadedObject[]>();
  for (const each of all) {
    const noun = each.because === undefined ? readNoun(each.what) : '';
    const key = [noun, each.because ?? each.why].join('\0');
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].flatMap((group): NotCheckedItem[] => {
    const [{ what, why, because }] = group as [UnloadedObject];
    if (because !== undefined)
      return [
        { what: formatCount(group.length, 'statement'), why: `they need ${because}, which did not load` },
      ];
    if (group.length <= MAX_LISTED && readNoun(what) !== what)
      return group.map((each) => ({ what: each.what, why: each.why }));
    return [{ what: group.length === 1 ? what : formatCount(group.length, readNoun(what)), why }];
  });
}

/** Returns the kind of an object: `index by_day on public.orders` → `index`. */
const readNoun = (what: string): string =>
  /^(?:materialized view|foreign table|event trigger|foreign server|default privilege|position of a sequence|large object|[a-z]+)/.exec(
    what,
  )?.[0] ?? what;
