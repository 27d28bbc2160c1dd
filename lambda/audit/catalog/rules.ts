import { buildIsOwnRelationSql, buildPageSql, type ObjectKind } from './kind';
import { buildFiresSql, type Trigger } from './triggers';

/** A rule made by CREATE RULE. The rule that implements a view is not included. */
export interface Rule {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** CREATE RULE, as the server writes it. */
  readonly definition: string;
  readonly fires?: Trigger['fires'];
}

const RULES_FROM_SQL =
  'pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace';

export const rules: ObjectKind<Rule> = {
  namedBy: ['schema', 'table', 'name'],
  always: ['definition'],
  // To write out a rule, the server locks the tables that it names.
  atATime: 50,
  sql: () => `SELECT r.oid::text AS oid, n.nspname AS schema, c.relname AS table, r.rulename AS name,
    pg_get_ruledef(r.oid) AS definition, ${buildFiresSql('r.ev_enabled')}
  FROM ${RULES_FROM_SQL} WHERE ${buildPageSql('r.oid', RULES_FROM_SQL, `r.rulename <> '_RETURN' AND ${buildIsOwnRelationSql('r', 'p', 'v', 'f')}`)}`,
};
