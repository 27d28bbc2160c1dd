/** What a column's definition means for a table that already has rows. */
import type { ColumnDef, Constraint, Node, TypeName } from 'libpg-query';
import type { FactsBuilder } from './facts';
import { inspect } from './inspect';
import { all, nameOf, words } from './tree';

export const HOW_TO_ADD_CHECK =
  'Add the constraint NOT VALID, and validate it in a statement of its own: ALTER TABLE … VALIDATE CONSTRAINT …';
export const HOW_TO_ADD_UNIQUE =
  'Build a unique index with CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.';

/** ADD COLUMN on a table with rows: does it rewrite them, or scan them under the strong lock? */
export function addColumn(facts: FactsBuilder, table: string, column: ColumnDef): void {
  const constraints = all(column.constraints, 'Constraint');
  const byType = (type: string) => constraints.find(({ contype }) => contype === type);
  const name = `${table}.${nameOf([column.colname ?? ''])}`;
  const at = column.location;
  const defaultValue = byType('CONSTR_DEFAULT')?.raw_expr;
  const generated = byType('CONSTR_GENERATED');
  const backfill =
    'Add the column without it, set the default in a statement of its own, and fill old rows in a batch.';

  const volatile = volatileCall(facts, defaultValue);
  if (volatile)
    facts.rewrite(
      `the default ${volatile}() is computed for every row of ${table}, which is rewritten`,
      backfill,
      at,
    );
  if (isSerial(column.typeName))
    facts.rewrite(`the serial column ${name} rewrites the table to number its rows`, backfill, at);
  if (byType('CONSTR_IDENTITY'))
    facts.rewrite(`the identity column ${name} rewrites the table to number its rows`, backfill, at);
  if (generated && generated.generated_kind !== 'v')
    facts.rewrite(`the generated column ${name} is stored, which rewrites the table`, '', at);
  const type = nameOf(words(column.typeName?.names));
  const { domains } = facts.context.file.folder;
  if (domains.has(type) || domains.has(facts.key(type)))
    facts.rewrite(
      `the type of ${name} is a domain; where it has a constraint, the table is rewritten`,
      'Use the base type, and a CHECK constraint NOT VALID.',
      at,
    );
  if (byType('CONSTR_PRIMARY') ?? byType('CONSTR_UNIQUE'))
    facts.rewrite(`an index on ${name} is built while ${table} is locked`, HOW_TO_ADD_UNIQUE, at);
  if (byType('CONSTR_CHECK'))
    facts.rewrite(`all of ${table} is scanned to prove the check on ${name}`, HOW_TO_ADD_CHECK, at);
  // Without a default every row holds NULL, and the server skips the scan.
  if (byType('CONSTR_FOREIGN') && hasValue(defaultValue))
    facts.rewrite(`all of ${table} is scanned to prove the foreign key of ${name}`, HOW_TO_ADD_CHECK, at);
}

/** ADD CONSTRAINT on a table with rows. */
export function addConstraint(facts: FactsBuilder, table: string, constraint: Constraint): void {
  const { contype, indexname, skip_validation, location: at } = constraint;
  switch (contype) {
    case 'CONSTR_CHECK':
    case 'CONSTR_FOREIGN':
    case 'CONSTR_NOTNULL':
      if (skip_validation || constraint.is_enforced === false) return;
      facts.rewrite(`all of ${table} is scanned to prove the constraint`, HOW_TO_ADD_CHECK, at);
      return;
    case 'CONSTR_PRIMARY':
    case 'CONSTR_UNIQUE':
      if (!indexname) facts.rewrite(`an index is built while ${table} is locked`, HOW_TO_ADD_UNIQUE, at);
      else if (contype === 'CONSTR_PRIMARY')
        facts.rewrite(
          `all of ${table} is scanned where a column of the key may be NULL`,
          'SET NOT NULL on its columns first: then nothing is scanned.',
          at,
        );
      return;
    case 'CONSTR_EXCLUSION':
      facts.rewrite(`an index is built while ${table} is locked`, '', at);
  }
}

const isSerial = (type: TypeName | undefined): boolean =>
  /^(small|big)?serial[248]?$/.test(words(type?.names).at(-1) ?? '');

/** The first function of an expression that is, or may be, volatile. */
function volatileCall(facts: FactsBuilder, expression: Node | undefined): string | undefined {
  if (!expression) return undefined;
  const { functions } = facts.context.file.folder;
  return inspect(expression)
    .calls.map(({ name }) => name)
    .find((name) => !functions.isStable(name, (called) => facts.key(nameOf(called))))
    ?.join('.');
}

const hasValue = (expression: Node | undefined): boolean =>
  expression !== undefined && !(expression as { A_Const?: { isnull?: boolean } }).A_Const?.isnull;
