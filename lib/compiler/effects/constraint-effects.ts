/** The effects of constraints: indexes, foreign keys and NOT NULL. */
import type { Constraint, IndexElem, Node } from 'libpg-query';
import type { Effect, IndexKey, ObjectName } from '../../../lambda/contract/effects';
import { listNameParts, unwrapNode, unwrapNodes } from '../read/tree';
import type { RuleContext } from '../rules/facts';
import { resolveRelationName } from './catalog-names';
import type { ExpressionReader } from './expressions';

export interface TableContext {
  readonly table: ObjectName;
  readonly context: RuleContext;
  readonly code: ExpressionReader;
}

/**
 * Returns the effects of a constraint.
 * @param column the column that it belongs to, which is then its only key; absent for a constraint of the table
 */
export function collectConstraintEffects(
  constraint: Constraint,
  place: TableContext,
  column?: string,
): Effect[] {
  const { table, context, code } = place;
  const { contype, conname, indexname, deferrable = false, skip_validation } = constraint;
  const name = conname ?? null;
  const columns = column === undefined ? listNameParts(constraint.keys) : [column];
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
        (pair) => unwrapNode(unwrapNode(pair, 'List')?.items?.[0], 'IndexElem') ?? [],
      );
      const keys = buildIndexKeys(elements, code, constraint.location);
      const predicate = constraint.where_clause ? code.bracketed(constraint.where_clause) : null;
      return [{ kind: 'index', table, name, keys, unique: false, primary: false, predicate, deferrable }];
    }
    case 'CONSTR_FOREIGN': {
      const references = resolveRelationName(constraint.pktable, context);
      if (!references) return [];
      const own = column === undefined ? listNameParts(constraint.fk_attrs) : [column];
      const referenced = listNameParts(constraint.pk_attrs);
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
    case 'CONSTR_CHECK': {
      const expression = constraint.raw_expr ? code.bracketed(constraint.raw_expr) : null;
      return [
        {
          kind: 'check',
          table,
          name,
          validated: !skip_validation,
          ...(expression === null ? {} : { expression }),
        },
      ];
    }
    default:
      return [];
  }
}

/**
 * Returns the keys of an index.
 * @param behind a byte position before the bracket that opens the list of elements
 */
export function buildIndexKeys(
  elements: readonly IndexElem[],
  code: ExpressionReader,
  behind: number | undefined,
): IndexKey[] {
  const texts = elements.some(({ expr }) => expr) ? code.elements(behind) : [];
  return elements.map(({ name }, i) =>
    name !== undefined ? { column: name } : { expression: texts[i] ?? '' },
  );
}

/**
 * Joins attributes such as DEFERRABLE to the constraint of the column before them; the parser returns them as separate
 * nodes.
 */
export function joinConstraintAttributes(constraints: readonly Node[] | undefined): Constraint[] {
  const joined: Constraint[] = [];
  for (const constraint of unwrapNodes(constraints, 'Constraint')) {
    const last = joined.at(-1);
    if (constraint.contype === 'CONSTR_ATTR_DEFERRABLE' && last) last.deferrable = true;
    else if (constraint.contype === 'CONSTR_ATTR_NOT_ENFORCED' && last) last.skip_validation = true;
    else if (!constraint.contype?.startsWith('CONSTR_ATTR_')) joined.push({ ...constraint });
  }
  return joined;
}
