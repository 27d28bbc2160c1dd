/** Turns findings into repair steps in the order of deployment. Pure; the parser must be loaded. */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { Difference } from '../../../lambda/audit/compare/difference';
import {
  applyMoves,
  type ExtensionMove,
  mapLostObjects,
} from '../../../lambda/audit/compare/moved-extensions';
import { listParents } from '../../../lambda/audit/inheritance';
import { joinKey } from '../../../lambda/audit/names';
import { AUDIT_KINDS } from '../../../lambda/defects';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { SnapshotComparison } from '../audit';
import { buildFindingSteps } from './finding-steps';
import type { FamilyResolver } from './grouping';
import { orderSteps } from './order';
import type { RepairContext } from './repair-context';
import { buildFindingKey, RepairPlanner, type UnrepairableDifference } from './repair-planner';
import { isRepairStep, type RepairStep, type Unrepairable } from './repair-step';

export interface RepairPlan {
  readonly parts: readonly RepairStep[];
  /** Group of the steps that repair a finding. */
  readonly groups: ReadonlyMap<AuditFinding, string>;
  /** Reason why no step repairs a finding. */
  readonly unwritten: ReadonlyMap<AuditFinding, string>;
  /** Resolves families of related tables. */
  readonly findFamily: FamilyResolver;
  /** Differences hidden by a missing parent object, which its repair does not restore. */
  readonly left: readonly UnrepairableDifference[];
}

export function buildRepairPlan(
  findings: readonly AuditFinding[],
  { target, source, differences, repairs }: SnapshotComparison,
  roles: RepairContext['roles'],
): RepairPlan {
  const groups = new Map<AuditFinding, string>();
  const unwritten = new Map<AuditFinding, string>();
  const note = (finding: AuditFinding, made: readonly (RepairStep | Unrepairable)[]): void => {
    for (const each of made) {
      if (isRepairStep(each) && !groups.has(finding)) groups.set(finding, each.group);
      if (!isRepairStep(each) && !unwritten.has(finding)) unwritten.set(finding, each.unwritten);
    }
  };

  const found = findings.flatMap((finding) => {
    const repair = repairs.get(finding);
    return repair?.what === 'difference' ? [{ finding, difference: repair.difference }] : [];
  });
  const asked = new Set(found.map(({ difference }) => buildFindingKey(difference)));
  const ignored = differences.filter((each) => !asked.has(buildFindingKey(each)));
  const leftOut = ignored.map(buildFindingKey);
  const here = keepTargetExtensionSchemas((source ?? target).catalog, ignored);
  const lost = found.map(({ finding, difference }) => ({ finding, difference: here.renamed(difference) }));
  const planner = new RepairPlanner(here.source, target.catalog, {
    positions: source?.sequenceValues ?? [],
    roles,
  });
  // A publication names tables, so it is created after all of them.
  const isLast = ({ difference: { id } }: (typeof lost)[number]): boolean => id === 'missing-publication';
  const last = lost.filter(isLast);
  if (source) planner.addTables(new Set(leftOut));
  for (const some of [lost.filter((each) => !isLast(each)), last]) {
    for (const { finding, difference } of some) note(finding, planner.add(difference));
    const later = some === last ? [] : last.map(({ difference }) => buildFindingKey(difference));
    if (source) planner.addRemaining(new Set([...leftOut, ...later]));
  }
  const parts = [...planner.parts];
  for (const finding of findings) {
    const repair = repairs.get(finding);
    if (repair && repair.what !== 'difference') {
      const made = buildFindingSteps(planner.context, target.catalog, repair);
      parts.push(...made.filter(isRepairStep));
      note(finding, made);
    }
    if (!groups.has(finding) && !unwritten.has(finding))
      unwritten.set(
        finding,
        AUDIT_KINDS.find(({ id }) => id === finding.id)?.audit.unwritten ??
          'no automatic repair is available',
      );
  }
  return {
    parts: orderSteps(parts),
    groups,
    unwritten,
    findFamily: createFamilyResolver([...(source ?? target).catalog.tables, ...target.catalog.tables]),
    left: planner.unwritten.filter(({ difference }) => !asked.has(buildFindingKey(difference))),
  };
}

function createFamilyResolver(tables: Catalog['tables']): FamilyResolver {
  const heads = new Map<string, string>();
  const findHead = (name: string): string => {
    const head = heads.get(name);
    return head === undefined ? name : findHead(head);
  };
  for (const table of tables)
    for (const parent of listParents(table)) {
      const [own, other] = [
        findHead(joinKey(table.schema, table.name)),
        findHead(joinKey(parent.schema, parent.name)),
      ];
      if (own !== other) heads.set(own, other);
    }
  return ({ schema, name }) => findHead(joinKey(schema, name));
}

/** If the schema of an extension is suppressed, the extension stays there, and the files name its objects there. */
function keepTargetExtensionSchemas(source: Catalog, ignored: readonly Difference[]) {
  const moves = ignored.flatMap(({ lost }) =>
    lost.flatMap((each): ExtensionMove[] =>
      each.kind === 'extensions' && each.to ? [{ from: each.from, to: each.to }] : [],
    ),
  );
  if (moves.length === 0) return { source, renamed: (difference: Difference) => difference };
  const { catalog, byOriginal } = applyMoves(source, moves);
  const object = <T>(of: T): T => (byOriginal.get(of) as T | undefined) ?? of;
  return {
    source: catalog,
    renamed: (difference: Difference): Difference => ({
      ...difference,
      lost: difference.lost.map((each) => mapLostObjects(each, object)),
    }),
  };
}

/** Builds steps for everything that the source has and the target does not. */
export function buildAllSteps(
  source: Catalog,
  target: Catalog,
): { readonly parts: readonly RepairStep[]; readonly unwritten: readonly string[] } {
  const planner = new RepairPlanner(source, target, { positions: [], roles: null });
  planner.addTables(new Set());
  planner.addRemaining(new Set());
  return {
    parts: orderSteps(planner.parts),
    unwritten: planner.unwritten.map(({ difference, why }) => `${difference.object} (${why})`),
  };
}
