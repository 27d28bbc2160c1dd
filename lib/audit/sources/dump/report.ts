/** What of a dump did not load, and why: what needs something that did not load is counted under that. Pure. */

import { plural } from '../../../../lambda/audit/names';
import type { NotSeen } from '../../../../lambda/audit/not-seen';

/** More of one sort are counted. */
const ONE_BY_ONE = 5;

export interface Unseen {
  /** `table public.orders` */
  readonly what: string;
  readonly why: string;
  /** It follows from this, which was said already. */
  readonly because?: string;
}

/** @param failed what did not load before, by name: `public.orders` */
export function becauseOf(message: string, failed: ReadonlySet<string>): string | undefined {
  return [...message.matchAll(/"([^"]+)"/g)].map(([, name]) => name!).find((name) => failed.has(name));
}

/** `table public.orders` → `public.orders`; what others may need. */
export const nameIn = (what: string): string | null =>
  /^(?:table|view|materialized view|type|domain|function|sequence|schema|foreign table) (\S.*)$/.exec(
    what,
  )?.[1] ?? null;

export function notSeenOf(all: readonly Unseen[]): readonly NotSeen[] {
  const groups = new Map<string, Unseen[]>();
  for (const each of all) {
    const noun = each.because === undefined ? nounOf(each.what) : '';
    const key = [noun, each.because ?? each.why].join('\0');
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].flatMap((group): NotSeen[] => {
    const [{ what, why, because }] = group as [Unseen];
    if (because !== undefined)
      return [{ what: plural(group.length, 'statement'), why: `they need ${because}, which did not load` }];
    if (group.length <= ONE_BY_ONE && nounOf(what) !== what)
      return group.map((each) => ({ what: each.what, why: each.why }));
    return [{ what: group.length === 1 ? what : plural(group.length, nounOf(what)), why }];
  });
}

/** `index by_day on public.orders` → `index` */
const nounOf = (what: string): string =>
  /^(?:materialized view|foreign table|event trigger|foreign server|default privilege|position of a sequence|large object|[a-z]+)/.exec(
    what,
  )?.[0] ?? what;
