/** An audit in words, wherever it is shown. */

import { oneLine } from '../../lambda/audit/accepted';
import { GRADES, type Grade } from '../../lambda/audit/finding';
import { pathOf, plural } from '../../lambda/audit/names';
import type { NotSeen } from '../../lambda/audit/not-seen';
import type { AuditResult } from './audit';

export const GRADE_WORDS: Readonly<Record<Grade, string>> = {
  A: 'proved',
  B: 'lost',
  C: 'odd one out',
  D: 'habit',
};

/** `3 findings (2 A, 1 B)` */
export function counts(findings: AuditResult['findings']): string {
  if (findings.length === 0) return 'nothing found';
  const each = GRADES.flatMap((grade) => {
    const count = findings.filter((finding) => finding.grade === grade).length;
    return count === 0 ? [] : [`${count} ${grade}`];
  });
  return `${plural(findings.length, 'finding')} (${each.join(', ')})`;
}

/** How much was looked at. */
export function looked({
  looked: { kinds, tables, objects, compared, statements, decided },
}: Pick<AuditResult, 'looked'>): string {
  const parts = [
    `${plural(objects, 'object')}, ${plural(tables, 'table')} among them`,
    compared === null ? 'compared with no source' : `compared with ${compared} of the source`,
    statements === 0
      ? 'no statement planned'
      : `${decided} of ${plural(statements, 'statement')} decided by planning`,
  ];
  const nothing = tables === 0 && compared === null;
  return nothing
    ? 'There is nothing to look at, so nothing is proved.'
    : `Looked for ${kinds} kinds: ${parts.join('; ')}.`;
}

const NAMED = 3;

/** One line for each reason, with the first names. */
export function notSeenLines(notSeen: readonly NotSeen[]): string[] {
  const groups = new Map<string, { first: NotSeen; names: string[] }>();
  for (const each of notSeen) {
    const key = `${each.what}\0${each.why}`;
    const group = groups.get(key) ?? { first: each, names: [] };
    if (each.of) group.names.push(oneLine(pathOf(each.of)));
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first: { what, why }, names }) => {
    if (names.length === 0) return `${what}: ${why}`;
    const more = names.length - NAMED;
    const list = names.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${plural(more, 'other')}` : '');
    return `${what}: ${list} (${why})`;
  });
}
