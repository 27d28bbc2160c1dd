import { type Kind, OWN_RELATION, PAGE } from './kind';

export interface Policy {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly command: 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
  /** It narrows what the others allow. */
  readonly restrictive?: true;
  /** Sorted; `public` is everybody. */
  readonly roles: readonly string[];
  /** Expression of USING. */
  readonly using?: string;
  /** Expression of WITH CHECK. */
  readonly check?: string;
}

const FROM =
  'pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace';

export const policies: Kind<Policy> = {
  namedBy: ['schema', 'table', 'name'],
  // A subquery in one locks the tables that it names while it is written out.
  atATime: 200,
  sql: () => `SELECT p.oid::text AS oid, n.nspname AS schema, c.relname AS table, p.polname AS name,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
      ELSE 'ALL' END AS command,
    NOT p.polpermissive AS restrictive,
    (SELECT array_agg(name ORDER BY name COLLATE "C") FROM (
      SELECT CASE role WHEN 0 THEN 'public' ELSE pg_get_userbyid(role)::text END AS name
      FROM unnest(p.polroles) AS role) AS roles) AS roles,
    pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check
  FROM ${FROM} WHERE ${PAGE('p.oid', FROM, OWN_RELATION('r', 'p', 'f'))}`,
};
