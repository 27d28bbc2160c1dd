/** The consequences of a column's definition for a table that already has rows. */
import type { ColumnDef, Constraint, Node, TypeName } from 'libpg-query';
import { constraintIndex } from '../lint/constraint-index';
import { constraintScan } from '../lint/constraint-scan';
import { domainColumn } from '../lint/domain-column';
import { primaryKeyScan } from '../lint/primary-key-scan';
import { serialColumn } from '../lint/serial-column';
import { storedColumn } from '../lint/stored-column';
import { volatileDefault } from '../lint/volatile-default';
import { formatSqlName, listNameParts, unwrapNodes } from '../read/tree';
import type { FactsBuilder } from './facts';
import { inspectTree } from './inspect';

const ADD_UNIQUE_REMEDY =
  'Build a unique index with CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.';

/** Records whether ADD COLUMN rewrites the rows of a table, or scans them under its strong lock. */
export function recordAddColumn(facts: FactsBuilder, table: string, column: ColumnDef): void {
  const constraints = unwrapNodes(column.constraints, 'Constraint');
  const byType = (type: string) => constraints.find(({ contype }) => contype === type);
  const name = `${table}.${formatSqlName([column.colname ?? ''])}`;
  const at = column.location;
  const defaultValue = byType('CONSTR_DEFAULT')?.raw_expr;
  const generated = byType('CONSTR_GENERATED');

  const volatile = findVolatileCall(facts, defaultValue);
  if (volatile) facts.breaks(volatileDefault, [volatile, table], at);
  if (isSerial(column.typeName)) facts.breaks(serialColumn, ['serial', name], at);
  if (byType('CONSTR_IDENTITY')) facts.breaks(serialColumn, ['identity', name], at);
  if (generated && generated.generated_kind !== 'v') facts.breaks(storedColumn, [name], at);
  const type = formatSqlName(listNameParts(column.typeName?.names));
  const { domains } = facts.context.file.folder;
  if (domains.has(type) || domains.has(facts.key(type))) facts.breaks(domainColumn, [name], at);
  if (byType('CONSTR_PRIMARY') ?? byType('CONSTR_UNIQUE'))
    facts.breaks(
      constraintIndex,
      [`an index on ${name} is built while ${table} is locked`, ADD_UNIQUE_REMEDY],
      at,
    );
  if (byType('CONSTR_CHECK')) facts.breaks(constraintScan, [table, `check on ${name}`], at);
  // Without a default every row holds NULL, and the server skips the scan.
  if (byType('CONSTR_FOREIGN') && hasValue(defaultValue))
    facts.breaks(constraintScan, [table, `foreign key of ${name}`], at);
}

/** Records the consequences of ADD CONSTRAINT for a table with rows. */
export function recordAddConstraint(facts: FactsBuilder, table: string, constraint: Constraint): void {
  const { contype, indexname, skip_validation, location: at } = constraint;
  switch (contype) {
    case 'CONSTR_CHECK':
    case 'CONSTR_FOREIGN':
    case 'CONSTR_NOTNULL':
      if (skip_validation || constraint.is_enforced === false) return;
      facts.breaks(constraintScan, [table, 'constraint'], at);
      return;
    case 'CONSTR_PRIMARY':
    case 'CONSTR_UNIQUE':
      if (!indexname)
        facts.breaks(constraintIndex, [`an index is built while ${table} is locked`, ADD_UNIQUE_REMEDY], at);
      else if (contype === 'CONSTR_PRIMARY') facts.breaks(primaryKeyScan, [table], at);
      return;
    case 'CONSTR_EXCLUSION':
      facts.breaks(constraintIndex, [`an index is built while ${table} is locked`, ''], at);
  }
}

export const isSerial = (type: TypeName | undefined): boolean =>
  /^(small|big)?serial[248]?$/.test(listNameParts(type?.names).at(-1) ?? '');

/** Returns the first function in an expression that is, or may be, volatile. */
function findVolatileCall(facts: FactsBuilder, expression: Node | undefined): string | undefined {
  if (!expression) return undefined;
  const { functions } = facts.context.file.folder;
  return inspectTree(expression)
    .calls.map(({ name }) => name)
    .find((name) => !functions.isStable(name, (called) => facts.key(formatSqlName(called))))
    ?.join('.');
}

const hasValue = (expression: Node | undefined): boolean =>
  expression !== undefined && !(expression as { A_Const?: { isnull?: boolean } }).A_Const?.isnull;
