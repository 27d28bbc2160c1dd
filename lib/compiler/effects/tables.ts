/** What CREATE TABLE and ALTER TABLE do to a table's columns and constraints. */
import type { AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, CreateStmt, Node } from 'libpg-query';
import type { Effect } from '../../../lambda/contract/effects';
import { all, as } from '../read/tree';
import { isSerial } from '../rules/columns';
import type { Context } from '../rules/facts';
import { relationName, typeOf } from './catalog-names';
import type { Code } from './code';
import { constraintEffects, type Place, withAttributes } from './constraints';

export function createTableEffects(body: CreateStmt, context: Context, code: Code): Effect[] {
  const table = relationName(body.relation, context);
  if (!table) return [];
  const place = { table, context, code };
  const effects: Effect[] = [
    { kind: 'table', table },
    ...all(body.tableElts, 'ColumnDef').flatMap((column) => columnEffects(column, place)),
    ...[...all(body.tableElts, 'Constraint'), ...all(body.constraints, 'Constraint')].flatMap((constraint) =>
      constraintEffects(constraint, place),
    ),
  ];
  return body.if_not_exists ? unlessExists(effects) : effects;
}

export const unlessExists = (effects: readonly Effect[]): Effect[] =>
  effects.map((effect) => ({ ...effect, unlessExists: true }));

export function alterTableEffects(body: AlterTableStmt, context: Context, code: Code): Effect[] {
  const table = relationName(body.relation, context);
  if (!table || body.objtype === 'OBJECT_TYPE' || body.objtype === 'OBJECT_INDEX') return [];
  const place = { table, context, code };
  return all(body.cmds, 'AlterTableCmd').flatMap(
    (command) => COMMANDS[command.subtype!]?.(command, place) ?? [],
  );
}

type Rule = (command: AlterTableCmd, place: Place) => Effect[];

const COMMANDS: Partial<Record<AlterTableType, Rule>> = {
  AT_AddColumn: ({ def, missing_ok }, place) => {
    const effects = columnEffects(as(def, 'ColumnDef'), place);
    return missing_ok ? unlessExists(effects) : effects;
  },
  AT_AddConstraint: ({ def }, place) => constraintEffects(as(def, 'Constraint') ?? {}, place),
  AT_AlterColumnType: ({ name, def }, { table }) => [
    { kind: 'column type', table, column: name ?? '', type: typeOf(as(def, 'ColumnDef')?.typeName) },
  ],
  AT_ColumnDefault: ({ name = '', def }, { table, code }) => [
    def && !isNull(def)
      ? { kind: 'default', table, column: name, expression: code.expression(def) }
      : { kind: 'drop default', table, column: name },
  ],
  AT_AddIdentity: ({ name = '' }, { table }) => [
    { kind: 'default', table, column: name, expression: null },
    { kind: 'set not null', table, column: name },
  ],
  AT_DropIdentity: onColumn('drop default'),
  AT_SetNotNull: onColumn('set not null'),
  AT_DropNotNull: onColumn('drop not null'),
  AT_DropColumn: onColumn('drop column'),
  AT_ValidateConstraint: ({ name }, { table }) => [{ kind: 'validate constraint', table, name: name ?? '' }],
  AT_DropConstraint: ({ name }, { table }) => [{ kind: 'drop constraint', table, name: name ?? '' }],
};

function onColumn(kind: 'drop default' | 'set not null' | 'drop not null' | 'drop column'): Rule {
  return ({ name }, { table }) => [{ kind, table, column: name ?? '' }];
}

function columnEffects(column: ColumnDef | undefined, place: Place): Effect[] {
  if (!column) return [];
  const { table, code } = place;
  const name = column.colname ?? '';
  const constraints = withAttributes(column.constraints);
  const clauses = [
    column.collClause?.location,
    ...all(column.constraints, 'Constraint').map(({ location }) => location),
  ];
  const effects: Effect[] = [];
  // A partition's column repeats no type.
  if (column.typeName)
    effects.push({ kind: 'column type', table, column: name, type: typeOf(column.typeName) });
  const numbered =
    isSerial(column.typeName) || constraints.some(({ contype }) => contype === 'CONSTR_IDENTITY');
  if (numbered)
    effects.push(
      { kind: 'default', table, column: name, expression: null },
      { kind: 'set not null', table, column: name },
    );
  for (const constraint of constraints) {
    const { contype, raw_expr } = constraint;
    if (contype === 'CONSTR_DEFAULT' && raw_expr && !isNull(raw_expr))
      effects.push({ kind: 'default', table, column: name, expression: code.expression(raw_expr, clauses) });
    else effects.push(...constraintEffects(constraint, place, name));
  }
  return effects;
}

/** DEFAULT NULL is none, whatever type it is given. */
function isNull(expression: Node): boolean {
  const cast = as(expression, 'TypeCast');
  return cast?.arg ? isNull(cast.arg) : (as(expression, 'A_Const')?.isnull ?? false);
}
