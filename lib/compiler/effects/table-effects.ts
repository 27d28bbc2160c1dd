/** The effects of CREATE TABLE and ALTER TABLE on columns and constraints. */
import type { AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, CreateStmt, Node } from 'libpg-query';
import type { Effect } from '../../../lambda/contract/effects';
import { unwrapNode, unwrapNodes } from '../read/tree';
import { isSerial } from '../rules/add-column';
import type { RuleContext } from '../rules/facts';
import { formatType, resolveRelationName } from './catalog-names';
import { collectConstraintEffects, joinConstraintAttributes, type TableContext } from './constraint-effects';
import type { ExpressionReader } from './expressions';

export function collectCreateTableEffects(
  body: CreateStmt,
  context: RuleContext,
  code: ExpressionReader,
): Effect[] {
  const table = resolveRelationName(body.relation, context);
  if (!table) return [];
  const place = { table, context, code };
  const effects: Effect[] = [
    { kind: 'table', table },
    ...unwrapNodes(body.tableElts, 'ColumnDef').flatMap((column) => collectColumnEffects(column, place)),
    ...[...unwrapNodes(body.tableElts, 'Constraint'), ...unwrapNodes(body.constraints, 'Constraint')].flatMap(
      (constraint) => collectConstraintEffects(constraint, place),
    ),
  ];
  return body.if_not_exists ? markUnlessExists(effects) : effects;
}

export const markUnlessExists = (effects: readonly Effect[]): Effect[] =>
  effects.map((effect) => ({ ...effect, unlessExists: true }));

export function collectAlterTableEffects(
  body: AlterTableStmt,
  context: RuleContext,
  code: ExpressionReader,
): Effect[] {
  const table = resolveRelationName(body.relation, context);
  if (!table || body.objtype === 'OBJECT_TYPE' || body.objtype === 'OBJECT_INDEX') return [];
  const place = { table, context, code };
  return unwrapNodes(body.cmds, 'AlterTableCmd').flatMap(
    (command) => SUBCOMMAND_RULES[command.subtype!]?.(command, place) ?? [],
  );
}

type SubcommandRule = (command: AlterTableCmd, place: TableContext) => Effect[];

const SUBCOMMAND_RULES: Partial<Record<AlterTableType, SubcommandRule>> = {
  AT_AddColumn: ({ def, missing_ok }, place) => {
    const effects = collectColumnEffects(unwrapNode(def, 'ColumnDef'), place);
    return missing_ok ? markUnlessExists(effects) : effects;
  },
  AT_AddConstraint: ({ def }, place) => collectConstraintEffects(unwrapNode(def, 'Constraint') ?? {}, place),
  AT_AlterColumnType: ({ name, def }, { table }) => [
    {
      kind: 'column type',
      table,
      column: name ?? '',
      type: formatType(unwrapNode(def, 'ColumnDef')?.typeName),
    },
  ],
  AT_ColumnDefault: ({ name = '', def }, { table, code }) => [
    def && !isNullLiteral(def)
      ? { kind: 'default', table, column: name, expression: code.expression(def) }
      : { kind: 'drop default', table, column: name },
  ],
  AT_AddIdentity: ({ name = '' }, { table }) => [
    { kind: 'default', table, column: name, expression: null },
    { kind: 'set not null', table, column: name },
  ],
  AT_DropIdentity: buildColumnRule('drop default'),
  AT_SetNotNull: buildColumnRule('set not null'),
  AT_DropNotNull: buildColumnRule('drop not null'),
  AT_DropColumn: buildColumnRule('drop column'),
  AT_ValidateConstraint: ({ name }, { table }) => [{ kind: 'validate constraint', table, name: name ?? '' }],
  AT_DropConstraint: ({ name }, { table }) => [{ kind: 'drop constraint', table, name: name ?? '' }],
};

function buildColumnRule(
  kind: 'drop default' | 'set not null' | 'drop not null' | 'drop column',
): SubcommandRule {
  return ({ name }, { table }) => [{ kind, table, column: name ?? '' }];
}

function collectColumnEffects(column: ColumnDef | undefined, place: TableContext): Effect[] {
  if (!column) return [];
  const { table, code } = place;
  const name = column.colname ?? '';
  const constraints = joinConstraintAttributes(column.constraints);
  const clauses = [
    column.collClause?.location,
    ...unwrapNodes(column.constraints, 'Constraint').map(({ location }) => location),
  ];
  const effects: Effect[] = [];
  // A column of a partition does not repeat its type.
  if (column.typeName)
    effects.push({ kind: 'column type', table, column: name, type: formatType(column.typeName) });
  const numbered =
    isSerial(column.typeName) || constraints.some(({ contype }) => contype === 'CONSTR_IDENTITY');
  if (numbered)
    effects.push(
      { kind: 'default', table, column: name, expression: null },
      { kind: 'set not null', table, column: name },
    );
  for (const constraint of constraints) {
    const { contype, raw_expr } = constraint;
    if (contype === 'CONSTR_DEFAULT' && raw_expr && !isNullLiteral(raw_expr))
      effects.push({ kind: 'default', table, column: name, expression: code.expression(raw_expr, clauses) });
    else effects.push(...collectConstraintEffects(constraint, place, name));
  }
  return effects;
}

/** Tells whether an expression is NULL: DEFAULT NULL, even with a cast, means no default. */
function isNullLiteral(expression: Node): boolean {
  const cast = unwrapNode(expression, 'TypeCast');
  return cast?.arg ? isNullLiteral(cast.arg) : (unwrapNode(expression, 'A_Const')?.isnull ?? false);
}
