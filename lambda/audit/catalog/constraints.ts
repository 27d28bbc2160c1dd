import { buildColumnNamesSql, buildIsOwnRelationSql, type ObjectKind } from './kind';

/** A constraint of a table. NOT NULL is a field of the column, and the CHECKs of a domain belong to the domain. */
export interface Constraint {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly type: 'check' | 'foreign key' | 'primary key' | 'unique' | 'exclusion';
  /** Definition as ADD CONSTRAINT takes it: `FOREIGN KEY (customer_id) REFERENCES shop.customers(id)`. */
  readonly definition: string;
  /** Columns in the order of the constraint. For a CHECK, the columns that its expression names. */
  readonly columns?: readonly string[];
  readonly references?: {
    readonly schema: string;
    readonly table: string;
    readonly columns: readonly string[];
  };
  /** The constraint is NOT VALID: existing rows have not been checked. */
  readonly notValid?: true;
  /** The constraint is NOT ENFORCED (PostgreSQL 18). */
  readonly notEnforced?: true;
  /** A trigger that enforces the foreign key is disabled, on either of its two tables or on a partition. */
  readonly disabled?: true;
  readonly deferrable?: true;
  readonly initiallyDeferred?: true;
  /** The table has the constraint only because its parent or partitioned table has it. */
  readonly inherited?: true;
}

export const constraints: ObjectKind<Constraint> = {
  namedBy: ['schema', 'table', 'name'],
  always: ['definition'],
  sql: (major) => `WITH RECURSIVE disabled AS (
    SELECT t.tgconstraint AS oid FROM pg_trigger t
    WHERE t.tgisinternal AND t.tgconstraint <> 0 AND t.tgenabled IN ('D', 'R')
    UNION SELECT p.conparentid FROM disabled JOIN pg_constraint p ON p.oid = disabled.oid WHERE p.conparentid <> 0)
  SELECT n.nspname AS schema, c.relname AS table, con.conname AS name,
    CASE con.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key'
      WHEN 'u' THEN 'unique' ELSE 'exclusion' END AS type,
    pg_get_constraintdef(con.oid) AS definition,
    ${buildColumnNamesSql('con.conrelid', 'con.conkey')} AS columns,
    CASE WHEN con.contype = 'f' THEN (SELECT json_build_object('schema', rn.nspname, 'table', r.relname,
        'columns', ${buildColumnNamesSql('con.confrelid', 'con.confkey')})
      FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = con.confrelid) END AS references,
    NOT con.convalidated AS "notValid",
    ${major >= 18 ? 'NOT con.conenforced AS "notEnforced",' : ''}
    con.oid IN (SELECT oid FROM disabled) AS disabled, con.condeferrable AS deferrable, con.condeferred AS "initiallyDeferred", NOT con.conislocal AS inherited
  FROM pg_constraint con
  JOIN pg_class c ON c.oid = con.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE con.contype IN ('c', 'f', 'p', 'u', 'x') AND ${buildIsOwnRelationSql('r', 'p', 'f')}
    -- For a foreign key to a partitioned table, PostgreSQL creates another constraint for each partition.
    AND NOT EXISTS (SELECT FROM pg_constraint whole WHERE whole.oid = con.conparentid AND whole.conrelid = con.conrelid)`,
};

/**
 * Returns the condition for the rows that a foreign key checks. With MATCH FULL, a row in which only some columns are
 * NULL is checked as well, and no row that it refers to can match.
 * @param columns as SQL
 */
export const isChecked = (
  { definition }: Pick<Constraint, 'definition'>,
  columns: readonly string[],
): string => {
  const set = columns.map((each) => `${each} IS NOT NULL`);
  return / MATCH FULL\b/.test(definition.replace(/"(?:[^"]|"")*"/g, ''))
    ? `(${set.join(' OR ')})`
    : set.join(' AND ');
};
