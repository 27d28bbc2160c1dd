/** Which statements of the application a migration touches, by its locks and effects and the relations of their plans. Pure. */
import { ANY_RELATION } from '../../lambda/contract/locks';
import type { Migration } from '../../lambda/contract/manifest';

export interface PlannedStatement {
  readonly text: string;
  readonly role: string | null;
  readonly calls: number | null;
  /** Also the indexes that its ON CONFLICT decides by; `schema.name`, quoted where needed. */
  readonly relations: readonly string[];
}

export interface Touched {
  readonly migration: string;
  /** It holds code that nobody can see through: what else it touches is not known. */
  readonly unseen: boolean;
  /** Those that run most often first. */
  readonly statements: readonly Omit<PlannedStatement, 'relations'>[];
}

interface Name {
  readonly schema: string | null;
  readonly name: string;
}

/** Relations that a migration changes or locks against writers. One without a schema is taken for any of its name. */
function changedBy({ statements }: Migration): readonly Name[] {
  const locked = statements
    .flatMap(({ locks }) => locks)
    .filter(({ mode, created, relation }) => !created && relation !== ANY_RELATION && !HARMLESS.has(mode))
    .map(({ relation }) => nameOf(relation));
  const made = statements
    .flatMap(({ effects }) => effects)
    .flatMap((effect) => [
      ...('table' in effect ? [effect.table] : []),
      ...(effect.kind === 'drop index' ? [effect.index] : []),
    ])
    .filter((name) => name !== null);
  return [...locked, ...made];
}

/** What reading and writing rows takes. */
const HARMLESS: ReadonlySet<string> = new Set(['ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE']);

export function touchedBy(migration: Migration, planned: readonly PlannedStatement[]): Touched {
  const changed = changedBy(migration);
  const touches = (relation: string): boolean => {
    const { schema, name } = nameOf(relation);
    const same = (other: string | null): boolean => other === null || schema === null || other === schema;
    return changed.some((each) => each.name === name && same(each.schema));
  };
  return {
    migration: migration.name,
    unseen: migration.statements.some(({ locks }) => locks.some(({ relation }) => relation === ANY_RELATION)),
    statements: planned
      .filter(({ relations }) => relations.some(touches))
      .sort((a, b) => (b.calls ?? -1) - (a.calls ?? -1))
      .map(({ text, role, calls }) => ({ text, role, calls })),
  };
}

/** `sales."Order"` */
function nameOf(written: string): Name {
  const parts = [...written.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare!,
  );
  return { schema: parts.length > 1 ? parts.at(-2)! : null, name: parts.at(-1) ?? '' };
}
