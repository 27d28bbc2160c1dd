/** What could not be looked at, in words. */
import type { NotSeen } from '../../../lambda/audit/not-seen';
import { quoteWhereNeeded } from '../../../lambda/sql/quote';
import { oneLine } from '../../audit/accepted';
import { plural } from './terminal';

const NAMED = 3;

/** One line for each reason, with the first names. */
export function notSeenLines(notSeen: readonly NotSeen[]): string[] {
  const groups = new Map<string, { first: NotSeen; names: string[] }>();
  for (const each of notSeen) {
    const key = `${each.what}\0${each.why}`;
    const group = groups.get(key) ?? { first: each, names: [] };
    if (each.of) group.names.push(oneLine([each.of.schema, each.of.name].map(quoteWhereNeeded).join('.')));
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first: { what, why }, names }) => {
    if (names.length === 0) return `${what}: ${why}`;
    const more = names.length - NAMED;
    const list = names.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${plural(more, 'other')}` : '');
    return `${what}: ${list} (${why})`;
  });
}
