/**
 * Finds the application's statements that a migration touches, by comparing its locks and effects with the relations in
 * the statements' plans. Pure.
 */
import { ANY_RELATION } from '../../lambda/contract/locks';
import type { Migration } from '../../lambda/contract/manifest';
import { listChangedRelations, parseName } from '../../lambda/workload/touched-objects';

export interface PlannedStatement {
  readonly text: string;
  readonly role: string | null;
  readonly calls: number | null;
  /**
   * Relations in the statement's plan, including the unique indexes that its ON CONFLICT uses, as `schema.name`, quoted
   * where needed.
   */
  readonly relations: readonly string[];
}

export interface TouchedStatements {
  readonly migration: string;
  /** Whether the migration runs code that cannot be analyzed, so that it may touch more than `statements`. */
  readonly notAnalyzed: boolean;
  /** Statements that the migration touches, most frequently run first. */
  readonly statements: readonly Omit<PlannedStatement, 'relations'>[];
}

export function findTouchedStatements(
  migration: Migration,
  planned: readonly PlannedStatement[],
): TouchedStatements {
  const changed = listChangedRelations(migration.statements);
  const touches = (relation: string): boolean => {
    const { schema, name } = parseName(relation);
    const same = (other: string | null): boolean => other === null || schema === null || other === schema;
    return changed.some((each) => each.name === name && same(each.schema));
  };
  return {
    migration: migration.name,
    notAnalyzed: migration.statements.some(({ locks }) =>
      locks.some(({ relation }) => relation === ANY_RELATION),
    ),
    statements: planned
      .filter(({ relations }) => relations.some(touches))
      .sort((a, b) => (b.calls ?? -1) - (a.calls ?? -1))
      .map(({ text, role, calls }) => ({ text, role, calls })),
  };
}
