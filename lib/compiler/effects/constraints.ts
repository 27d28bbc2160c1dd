/** What constraints make: indexes, foreign keys, NOT NULL. */
import type { Constraint, IndexElem, Node } from 'libpg-query';
import type { Effect, IndexKey, ObjectName } from '../../../lambda/contract/effects';
import { all, as, words } from '../read/tree';
import type { Context } from '../rules/facts';
import { relationName } from './catalog-names';
import type { Code } from './code';

export interface Place {
  readonly table: ObjectName;
  readonly context: Context;
  readonly code: Code;
}

/** Of the table, or of a column: then its keys are that column. */
export function constraintEffects(constraint: Constraint, place: Place, column?: string): Effect[] {
  const { table, context, code } = place;
  const { contype, conname, indexname, deferrable = false, skip_validation } = constraint;
  const name = conname ?? null;
  const columns = column === undefined ? words(constraint.keys) : [column];
  switch (contype) {
    case 'CONSTR_NOTNULL':
      return columns.map((each) => ({ kind: 'set not null', table, column: each }));
    case 'CONSTR_UNIQUE':
    case 'CONSTR_PRIMARY': {
      const primary = contype === 'CONSTR_PRIMARY';
      if (indexname)
        return [{ kind: 'index as constraint', table, index: indexname, name, primary, deferrable }];
      const keys = columns.map((each) => ({ column: each }));
      const unique = !constraint.without_overlaps;
      const notNull = primary ? columns : [];
      return [
        ...notNull.map((each): Effect => ({ kind: 'set not null', table, column: each })),
        { kind: 'index', table, name, keys, unique, primary, predicate: null, deferrable },
      ];
    }
    case 'CONSTR_EXCLUSION': {
      const elements = (constraint.exclusions ?? []).flatMap(
        (pair) => as(as(pair, 'List')?.items?.[0], 'IndexElem') ?? [],
      );
      const keys = indexKeys(elements, code, constraint.location);
      const predicate = constraint.where_clause ? code.bracketed(constraint.where_clause) : null;
      return [{ kind: 'index', table, name, keys, unique: false, primary: false, predicate, deferrable }];
    }
    case 'CONSTR_FOREIGN': {
      const references = relationName(constraint.pktable, context);
      if (!references) return [];
      const own = column === undefined ? words(constraint.fk_attrs) : [column];
      const referenced = words(constraint.pk_attrs);
      return [
        {
          kind: 'foreign key',
          table,
          name,
          columns: own,
          references,
          referenced,
          validated: !skip_validation,
        },
      ];
    }
    case 'CONSTR_CHECK':
      return [{ kind: 'check', table, name, validated: !skip_validation }];
    default:
      return [];
  }
}

/** @param behind a byte position before the bracket that the elements stand in */
export function indexKeys(
  elements: readonly IndexElem[],
  code: Code,
  behind: number | undefined,
): IndexKey[] {
  const texts = elements.some(({ expr }) => expr) ? code.elements(behind) : [];
  return elements.map(({ name }, i) =>
    name !== undefined ? { column: name } : { expression: texts[i] ?? '' },
  );
}

/** DEFERRABLE behind a column's constraint is a node of its own. */
export function withAttributes(constraints: readonly Node[] | undefined): Constraint[] {
  const joined: Constraint[] = [];
  for (const constraint of all(constraints, 'Constraint')) {
    const last = joined.at(-1);
    if (constraint.contype === 'CONSTR_ATTR_DEFERRABLE' && last) last.deferrable = true;
    else if (constraint.contype === 'CONSTR_ATTR_NOT_ENFORCED' && last) last.skip_validation = true;
    else if (!constraint.contype?.startsWith('CONSTR_ATTR_')) joined.push({ ...constraint });
  }
  return joined;
}
