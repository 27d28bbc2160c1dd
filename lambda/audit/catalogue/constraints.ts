import { COLUMN_NAMES, type Kind, OWN_RELATION } from './kind';

/** Of a table; NOT NULL is a fact of the column, and a domain's constraints are the domain's. */
export interface Constraint {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly type: 'check' | 'foreign key' | 'primary key' | 'unique' | 'exclusion';
  /** `FOREIGN KEY (customer_id) REFERENCES shop.customers(id)`, as ADD CONSTRAINT takes it. */
  readonly definition: string;
  /** In the order of the constraint; of a CHECK those that it names. */
  readonly columns?: readonly string[];
  readonly references?: {
    readonly schema: string;
    readonly table: string;
    readonly columns: readonly string[];
  };
  /** Existing rows were never looked at. */
  readonly notValid?: true;
  /** PostgreSQL 18. */
  readonly notEnforced?: true;
  readonly deferrable?: true;
  readonly initiallyDeferred?: true;
  /** Has it from a parent, or from the partitioned table, alone. */
  readonly inherited?: true;
}

export const constraints: Kind<Constraint> = {
  namedBy: ['schema', 'table', 'name'],
  always: ['definition'],
  sql: (major) => `SELECT n.nspname AS schema, c.relname AS table, con.conname AS name,
    CASE con.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key'
      WHEN 'u' THEN 'unique' ELSE 'exclusion' END AS type,
    pg_get_constraintdef(con.oid) AS definition,
    ${COLUMN_NAMES('con.conrelid', 'con.conkey')} AS columns,
    CASE WHEN con.contype = 'f' THEN (SELECT json_build_object('schema', rn.nspname, 'table', r.relname,
        'columns', ${COLUMN_NAMES('con.confrelid', 'con.confkey')})
      FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = con.confrelid) END AS references,
    NOT con.convalidated AS "notValid",
    ${major >= 18 ? 'NOT con.conenforced AS "notEnforced",' : ''}
    con.condeferrable AS deferrable, con.condeferred AS "initiallyDeferred", NOT con.conislocal AS inherited
  FROM pg_constraint con
  JOIN pg_class c ON c.oid = con.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE con.contype IN ('c', 'f', 'p', 'u', 'x') AND ${OWN_RELATION('r', 'p', 'f')}
    -- A foreign key to a partitioned table has one more for each partition, which nobody made.
    AND NOT EXISTS (SELECT FROM pg_constraint whole WHERE whole.oid = con.conparentid AND whole.conrelid = con.conrelid)`,
};
