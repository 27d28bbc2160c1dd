/** What a column's definition means for a table that already has rows. */
import type { ColumnDef, Constraint, Node, TypeName } from 'libpg-query';
import { constraintIndex } from '../lint/constraint-index';
import { constraintScan } from '../lint/constraint-scan';
import { domainColumn } from '../lint/domain-column';
import { numberedColumn } from '../lint/numbered-column';
import { primaryKeyScan } from '../lint/primary-key-scan';
import { storedColumn } from '../lint/stored-column';
import { volatileDefault } from '../lint/volatile-default';
import { all, sqlName, words } from '../read/tree';
import type { FactsBuilder } from './facts';
import { inspect } from './inspect';

const HOW_TO_ADD_UNIQUE =
  'Build a unique index with CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.';

/** ADD COLUMN on a table with rows: does it rewrite them, or scan them under the strong lock? */
export function addColumn(facts: FactsBuilder, table: string, column: ColumnDef): void {
  const constraints = all(column.constraints, 'Constraint');
  const byType = (type: string) => constraints.find(({ contype }) => contype === type);
  const name = `${table}.${sqlName([column.colname ?? ''])}`;
  const at = column.location;
  const defaultValue = byType('CONSTR_DEFAULT')?.raw_expr;
  const generated = byType('CONSTR_GENERATED');

  const volatile = volatileCall(facts, defaultValue);
  if (volatile) facts.breaks(volatileDefault, [volatile, table], at);
  if (isSerial(column.typeName)) facts.breaks(numberedColumn, ['serial', name], at);
  if (byType('CONSTR_IDENTITY')) facts.breaks(numberedColumn, ['identity', name], at);
  if (generated && generated.generated_kind !== 'v') facts.breaks(storedColumn, [name], at);
  const type = sqlName(words(column.typeName?.names));
  const { domains } = facts.context.file.folder;
  if (domains.has(type) || domains.has(facts.key(type))) facts.breaks(domainColumn, [name], at);
  if (byType('CONSTR_PRIMARY') ?? byType('CONSTR_UNIQUE'))
    facts.breaks(
      constraintIndex,
      [`an index on ${name} is built while ${table} is locked`, HOW_TO_ADD_UNIQUE],
      at,
    );
  if (byType('CONSTR_CHECK')) facts.breaks(constraintScan, [table, `check on ${name}`], at);
  // Without a default every row holds NULL, and the server skips the scan.
  if (byType('CONSTR_FOREIGN') && hasValue(defaultValue))
    facts.breaks(constraintScan, [table, `foreign key of ${name}`], at);
}

/** ADD CONSTRAINT on a table with rows. */
export function addConstraint(facts: FactsBuilder, table: string, constraint: Constraint): void {
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
        facts.breaks(constraintIndex, [`an index is built while ${table} is locked`, HOW_TO_ADD_UNIQUE], at);
      else if (contype === 'CONSTR_PRIMARY') facts.breaks(primaryKeyScan, [table], at);
      return;
    case 'CONSTR_EXCLUSION':
      facts.breaks(constraintIndex, [`an index is built while ${table} is locked`, ''], at);
  }
}

export const isSerial = (type: TypeName | undefined): boolean =>
  /^(small|big)?serial[248]?$/.test(words(type?.names).at(-1) ?? '');

/** The first function of an expression that is, or may be, volatile. */
function volatileCall(facts: FactsBuilder, expression: Node | undefined): string | undefined {
  if (!expression) return undefined;
  const { functions } = facts.context.file.folder;
  return inspect(expression)
    .calls.map(({ name }) => name)
    .find((name) => !functions.isStable(name, (called) => facts.key(sqlName(called))))
    ?.join('.');
}

const hasValue = (expression: Node | undefined): boolean =>
  expression !== undefined && !(expression as { A_Const?: { isnull?: boolean } }).A_Const?.isnull;
