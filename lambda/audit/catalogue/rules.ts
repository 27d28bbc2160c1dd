import { type Kind, OWN_RELATION, PAGE } from './kind';
import { FIRES, type Trigger } from './triggers';

/** CREATE RULE; a view's own is the view. */
export interface Rule {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** CREATE RULE, as the server writes it. */
  readonly definition: string;
  readonly fires?: Trigger['fires'];
}

const FROM =
  'pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace';

export const rules: Kind<Rule> = {
  namedBy: ['schema', 'table', 'name'],
  always: ['definition'],
  // Writing one out locks the tables that it names.
  atATime: 50,
  sql: () => `SELECT r.oid::text AS oid, n.nspname AS schema, c.relname AS table, r.rulename AS name,
    pg_get_ruledef(r.oid) AS definition, ${FIRES('r.ev_enabled')}
  FROM ${FROM} WHERE ${PAGE('r.oid', FROM, `r.rulename <> '_RETURN' AND ${OWN_RELATION('r', 'p', 'v', 'f')}`)}`,
};
