/**
 * Plans the repair of every difference. A missing table hides the differences of its columns and indexes, so the
 * catalogs are compared again after each round of repairs, until no difference is left. Pure; the parser must be loaded.
 */
import type { Catalog } from '../../../lambda/audit/catalog';
import { compareCatalogs } from '../../../lambda/audit/compare';
import type { ComparedId, Difference } from '../../../lambda/audit/compare/difference';
import { countAncestorGenerations } from '../../../lambda/audit/inheritance';
import { joinKey } from '../../../lambda/audit/names';
import { buildSteps } from './difference';
import type { RepairContext } from './repair-context';
import { isRepairStep, type RepairStep, type Unrepairable } from './repair-step';
import { SimulatedCatalog } from './simulated-catalog';

/** Maximum number of comparisons. Objects are nested less deeply: schema, table, column, index, constraint, comment. */
const MAX_ROUNDS = 12;

export interface UnrepairableDifference {
  readonly difference: Difference;
  /** Reason, as a clause. */
  readonly why: string;
}

export class RepairPlanner {
  readonly parts: RepairStep[] = [];
  /** Differences that a missing parent object hid, so that they are no findings, and that cannot be repaired. */
  readonly unwritten: UnrepairableDifference[] = [];
  private readonly now: SimulatedCatalog;
  private readonly base: Omit<RepairContext, 'target'>;
  private readonly planned = new Map<string, readonly (RepairStep | Unrepairable)[]>();

  constructor(
    source: Catalog,
    target: Catalog,
    { positions, roles }: Pick<RepairContext, 'positions' | 'roles'>,
  ) {
    const major = Math.floor((target.database[0]?.serverVersionNumber ?? 0) / 10_000);
    const byDefault = target.grants.filter(({ on }) => on === 'default privileges');
    this.base = { source, existing: target.tables, byDefault, positions, roles, major };
    this.now = new SimulatedCatalog(target);
  }

  /** Context with the target's catalog as it will be after all planned steps are deployed. */
  get context(): RepairContext {
    return { ...this.base, target: this.now.catalog };
  }

  /** Plans the repair of a difference. For a difference that is already planned, returns the same steps again. */
  add(difference: Difference): readonly (RepairStep | Unrepairable)[] {
    const name = buildExactKey(difference);
    const known = this.planned.get(name);
    if (known) return known;
    const { context } = this;
    const made = buildSteps(context, difference);
    this.planned.set(name, made);
    this.parts.push(...made.filter(isRepairStep));
    if (made.some(isRepairStep)) this.now.record(context, difference);
    return made;
  }

  /** Sorts parents before the tables that inherit from them, because CREATE TABLE needs the parents. */
  private parentsFirst(all: readonly Difference[]): readonly Difference[] {
    const generation = ({ lost: [lost] }: Difference): number =>
      lost?.kind === 'tables' && lost.to === undefined
        ? countAncestorGenerations(this.base.source, lost.from)
        : 0;
    return [...all].sort((one, other) => generation(one) - generation(other));
  }

  /**
   * Plans missing schemas and tables first: an index of a partitioned table is built on each partition, and a child
   * table needs its parents.
   */
  addTables(leftOut: ReadonlySet<string>): void {
    this.addRemaining(leftOut, new Set<ComparedId>(['missing-schema']));
    this.addRemaining(leftOut, new Set<ComparedId>(['missing-table']));
  }

  /**
   * @param leftOut keys ({@link buildFindingKey}) of findings that are suppressed or excluded
   * @param only ids to repair. @default - all
   */
  addRemaining(leftOut: ReadonlySet<string>, only?: ReadonlySet<ComparedId>): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const more = compareCatalogs(this.base.source, this.now.catalog).differences.filter(
        (each) =>
          (only?.has(each.id) ?? true) &&
          !leftOut.has(buildFindingKey(each)) &&
          !this.planned.has(buildExactKey(each)),
      );
      if (more.length === 0) return;
      // A publication names tables, so it is created after all of them.
      const first = more.filter(({ id }) => id !== 'missing-publication');
      // How to fill a column is a decision in the file of its table.
      for (const each of this.parentsFirst(first.length > 0 ? first : more))
        for (const made of this.add(each))
          if (!isRepairStep(made) && each.lost[0]?.kind !== 'columns')
            this.unwritten.push({ difference: each, why: made.unwritten });
    }
  }
}

const buildExactKey = ({ id, object, message }: Difference): string => joinKey(id, object, message);

/** Returns the key by which a suppression matches a finding. */
export const buildFindingKey = ({ id, object }: Pick<Difference, 'id' | 'object'>): string =>
  joinKey(id, object);
