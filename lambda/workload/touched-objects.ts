/**
 * Lists what a migration changes or locks against writers, from the locks and effects that the compiler found. Pure.
 */
import { ANY_RELATION } from '../contract/locks';
import type { Migration, Statement } from '../contract/manifest';

export interface RelationName {
  /** Schema, or null if the statement names none. */
  readonly schema: string | null;
  readonly name: string;
}

/** The lock modes for reading and writing rows. */
const NON_BLOCKING_MODES: ReadonlySet<string> = new Set(['ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE']);

/**
 * Returns the relations that statements change or lock against writers. A name without a schema stands for any of that
 * name.
 */
export function listChangedRelations(statements: readonly Statement[]): readonly RelationName[] {
  const locked = statements
    .flatMap(({ locks }) => locks)
    .filter(
      ({ mode, created, relation }) => !created && relation !== ANY_RELATION && !NON_BLOCKING_MODES.has(mode),
    )
    .map(({ relation }) => parseName(relation));
  const made = statements
    .flatMap(({ effects }) => effects)
    .flatMap((effect) => [
      ...('table' in effect ? [effect.table] : []),
      ...(effect.kind === 'drop index' ? [effect.index] : []),
    ])
    .filter((name) => name !== null);
  return [...locked, ...made];
}

/** Returns the functions and procedures that statements create, replace or drop, or whose privileges they change. */
const listChangedFunctions = (statements: readonly Statement[]): readonly RelationName[] =>
  statements
    .flatMap(({ effects }) => effects)
    .flatMap((effect) => {
      if (effect.kind === 'function' || effect.kind === 'drop function') return [effect.function];
      return (effect.kind === 'grant' || effect.kind === 'revoke') && effect.on === 'function'
        ? [effect.object]
        : [];
    });

/** Whether a statement runs code whose effects are unknown: a DO block, CALL, a function call. */
const isOpaque = ({ locks, effects }: Statement): boolean =>
  locks.some(({ relation }) => relation === ANY_RELATION) || effects.some(({ kind }) => kind === 'code');

export const hasOpaqueStatements = ({ statements }: Pick<Migration, 'statements'>): boolean =>
  statements.some(isOpaque);

/** The objects that a file is known to touch before it runs: seeds for `trueup._touched`. */
export interface TouchedObjects {
  readonly relations: readonly (readonly [schema: string | null, name: string])[];
  readonly functions: readonly (readonly [schema: string | null, name: string])[];
  /**
   * Non-transactional code may have touched anything. For a transaction, the touched objects are determined when it
   * ends.
   */
  readonly everything: boolean;
}

export function collectTouchedObjects(statements: readonly Statement[]): TouchedObjects {
  const pair = ({ schema, name }: RelationName) => [schema, name] as const;
  const granted = statements
    .flatMap(({ effects }) => effects)
    .flatMap((effect) => {
      if (effect.kind === 'rename table' || effect.kind === 'rename index') return [effect.from, effect.to];
      return (effect.kind === 'grant' || effect.kind === 'revoke') && effect.on === 'table'
        ? [effect.object]
        : [];
    });
  return {
    relations: [...listChangedRelations(statements), ...granted].map(pair),
    functions: listChangedFunctions(statements).map(pair),
    everything: statements.some((each) => each.execution === 'non-transactional' && isOpaque(each)),
  };
}

/** Parses a name such as `sales."Order"`. */
export function parseName(written: string): RelationName {
  const parts = [...written.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare!,
  );
  return { schema: parts.length > 1 ? parts.at(-2)! : null, name: parts.at(-1) ?? '' };
}
