/** Words and counts of an audit, shared by the terminal and the HTML report. */

import { groupBy } from '../../lambda/audit/compare/pair';
import { CONFIDENCES, type Confidence } from '../../lambda/audit/finding';
import { formatCount, formatPath, formatReference, parseNames } from '../../lambda/audit/names';
import type { NotCheckedItem } from '../../lambda/audit/not-checked';
import { toSingleLine } from '../../lambda/audit/suppressions';
import type { AuditResult } from './audit';

export const CONFIDENCE_WORDS: Readonly<Record<Confidence, string>> = {
  A: 'confirmed',
  B: 'missing',
  C: 'inconsistent',
  D: 'informational',
};

/** Returns the number of findings by confidence: `3 findings (2 A, 1 B)`. */
export function formatCounts(findings: AuditResult['findings']): string {
  if (findings.length === 0) return 'nothing found';
  const each = CONFIDENCES.flatMap((confidence) => {
    const count = findings.filter((finding) => finding.confidence === confidence).length;
    return count === 0 ? [] : [`${count} ${confidence}`];
  });
  return `${formatCount(findings.length, 'finding')} (${each.join(', ')})`;
}

/** Shorter lists of findings are not summarized: reading them takes no longer than reading the counts. */
const MIN_FINDINGS_TO_COUNT = 10;
const MAX_TABLES_COUNTED = 10;

/**
 * Returns the number of findings by check, such as `12 missing-not-null, 3 missing-index`, and by table; `null` for up to ten
 * findings.
 */
export function formatCountsByKindAndTable(
  findings: AuditResult['findings'],
): { readonly kinds: string; readonly tables: string } | null {
  if (findings.length <= MIN_FINDINGS_TO_COUNT) return null;
  const count = (getName: (finding: AuditResult['findings'][number]) => string, most: number): string => {
    const all = [...groupBy(findings, getName)]
      .map(([name, { length }]) => [name, length] as const)
      .sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
    const rest = all.slice(most);
    const more = rest.reduce((sum, [, each]) => sum + each, 0);
    return (
      all
        .slice(0, most)
        .map(([name, each]) => `${each} ${toSingleLine(name)}`)
        .join(', ') + (rest.length === 0 ? '' : `, ${more} on ${formatCount(rest.length, 'other')}`)
    );
  };
  return { kinds: count(({ id }) => id, findings.length), tables: count(readTableName, MAX_TABLES_COUNTED) };
}

/** Returns the table of a finding's object; an object without a table is returned unchanged. */
function readTableName({ object }: AuditResult['findings'][number]): string {
  const names = object.includes('(') ? [] : parseNames(object);
  return names.length > 2 ? formatPath(...names.slice(0, 2)) : object;
}

/** Describes what the audit covered. */
export function formatCoverage({
  coverage: { checks: kinds, tables, objects, compared, statements, decided },
}: Pick<AuditResult, 'coverage'>): string {
  const parts = [
    `on ${formatCount(objects, 'object')} (${formatCount(tables, 'table')})`,
    compared === null ? 'no source' : `compared with ${formatCount(compared, 'object')} of the source`,
    statements === 0
      ? 'no statements planned'
      : `planning decided ${decided} of ${formatCount(statements, 'statement')}`,
  ];
  const nothing = tables === 0 && compared === null;
  return nothing
    ? 'The database has no tables and there is no source, so nothing was checked.'
    : `Ran ${formatCount(kinds, 'check')} ${parts.join('; ')}.`;
}

const MAX_NAMES = 3;

/** Returns one line for each reason, with the first few names. */
export function formatNotCheckedLines(notChecked: readonly NotCheckedItem[]): string[] {
  const groups = new Map<string, { first: NotCheckedItem; names: string[] }>();
  for (const each of notChecked) {
    const key = `${each.what}\0${each.why}`;
    const group = groups.get(key) ?? { first: each, names: [] };
    if (each.of) group.names.push(toSingleLine(formatReference(each.of)));
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first: { what, why }, names }) => {
    if (names.length === 0) return `${what}: ${why}`;
    const more = names.length - MAX_NAMES;
    const list =
      names.slice(0, MAX_NAMES).join(', ') + (more > 0 ? ` and ${formatCount(more, 'other')}` : '');
    return `${what}: ${list} (${why})`;
  });
}
