/** From findings to parts, in the order in which they are deployed. Pure; the parser must be ready. */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import type { Difference } from '../../../lambda/audit/compare/difference';
import { afterMoves, type Move, withObjects } from '../../../lambda/audit/compare/moved-extensions';
import { AUDIT_KINDS } from '../../../lambda/defects';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { Compared } from '../audit';
import { Bringing, type NotWritten, nameOf } from './bringing';
import type { Context } from './context';
import { partsFound } from './found';
import { ordered } from './order';
import { isPart, type Part, type Unwritten } from './part';

export interface Plan {
  readonly parts: readonly Part[];
  /** The group that mends a finding. */
  readonly groups: ReadonlyMap<AuditFinding, string>;
  /** Why none does. */
  readonly unwritten: ReadonlyMap<AuditFinding, string>;
  /** What went with something larger, and does not come back with it. */
  readonly left: readonly NotWritten[];
}

export function planOf(
  findings: readonly AuditFinding[],
  { target, source, differences, mends }: Compared,
  roles: Context['roles'],
): Plan {
  const groups = new Map<AuditFinding, string>();
  const unwritten = new Map<AuditFinding, string>();
  const note = (finding: AuditFinding, made: readonly (Part | Unwritten)[]): void => {
    for (const each of made) {
      if (isPart(each) && !groups.has(finding)) groups.set(finding, each.group);
      if (!isPart(each) && !unwritten.has(finding)) unwritten.set(finding, each.unwritten);
    }
  };

  const found = findings.flatMap((finding) => {
    const mend = mends.get(finding);
    return mend?.what === 'difference' ? [{ finding, difference: mend.difference }] : [];
  });
  const asked = new Set(found.map(({ difference }) => nameOf(difference)));
  const ignored = differences.filter((each) => !asked.has(nameOf(each)));
  const leftOut = ignored.map(nameOf);
  const here = withExtensionsOfTarget((source ?? target).catalogue, ignored);
  const lost = found.map(({ finding, difference }) => ({ finding, difference: here.renamed(difference) }));
  const bringing = new Bringing(here.source, target.catalogue, {
    positions: source?.positions ?? [],
    roles,
  });
  // A publication is of the tables that there are in the end.
  const isLast = ({ difference: { id } }: (typeof lost)[number]): boolean => id === 'publication-lost';
  const last = lost.filter(isLast);
  if (source) bringing.bringTables(new Set(leftOut));
  for (const some of [lost.filter((each) => !isLast(each)), last]) {
    for (const { finding, difference } of some) note(finding, bringing.bring(difference));
    const later = some === last ? [] : last.map(({ difference }) => nameOf(difference));
    if (source) bringing.bringRest(new Set([...leftOut, ...later]));
  }
  const parts = [...bringing.parts];
  for (const finding of findings) {
    const mend = mends.get(finding);
    if (mend && mend.what !== 'difference') {
      const made = partsFound(bringing.context, mend);
      parts.push(...made.filter(isPart));
      note(finding, made);
    }
    if (!groups.has(finding) && !unwritten.has(finding))
      unwritten.set(
        finding,
        AUDIT_KINDS.find(({ id }) => id === finding.id)?.audit.unwritten ?? 'nothing is known that mends it',
      );
  }
  return {
    parts: ordered(parts),
    groups,
    unwritten,
    left: bringing.unwritten.filter(({ difference }) => !asked.has(nameOf(difference))),
  };
}

/** An extension whose schema is accepted stays where it is, and the files name what it brings there. */
function withExtensionsOfTarget(source: Catalogue, ignored: readonly Difference[]) {
  const moves = ignored.flatMap(({ lost }) =>
    lost.flatMap((each): Move[] =>
      each.kind === 'extensions' && each.to ? [{ from: each.from, to: each.to }] : [],
    ),
  );
  if (moves.length === 0) return { source, renamed: (difference: Difference) => difference };
  const { catalogue, byOriginal } = afterMoves(source, moves);
  const object = <T>(of: T): T => (byOriginal.get(of) as T | undefined) ?? of;
  return {
    source: catalogue,
    renamed: (difference: Difference): Difference => ({
      ...difference,
      lost: difference.lost.map((each) => withObjects(each, object)),
    }),
  };
}

/** Everything that the one has and the other has not. */
export function allParts(
  source: Catalogue,
  target: Catalogue,
): { readonly parts: readonly Part[]; readonly unwritten: readonly string[] } {
  const bringing = new Bringing(source, target, { positions: [], roles: null });
  bringing.bringTables(new Set());
  bringing.bringRest(new Set());
  return {
    parts: ordered(bringing.parts),
    unwritten: bringing.unwritten.map(({ difference, why }) => `${difference.object} (${why})`),
  };
}
