import { buildIsOwnRelationSql, buildPageSql, type ObjectKind } from './kind';

export interface Policy {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly command: 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
  /** The policy is RESTRICTIVE: it narrows what the permissive policies allow. */
  readonly restrictive?: true;
  /** Roles that the policy applies to, sorted. `public` means PUBLIC. */
  readonly roles: readonly string[];
  /** The USING expression. */
  readonly using?: string;
  /** The WITH CHECK expression. */
  readonly check?: string;
}

const POLICIES_FROM_SQL =
  'pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace';

export const policies: ObjectKind<Policy> = {
  namedBy: ['schema', 'table', 'name'],
  // To write out a subquery in a policy, the server locks the tables that it names.
  atATime: 200,
  sql: () => `SELECT p.oid::text AS oid, n.nspname AS schema, c.relname AS table, p.polname AS name,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
      ELSE 'ALL' END AS command,
    NOT p.polpermissive AS restrictive,
    (SELECT array_agg(name ORDER BY name COLLATE "C") FROM (
      SELECT CASE role WHEN 0 THEN 'public' ELSE pg_get_userbyid(role)::text END AS name
      FROM unnest(p.polroles) AS role) AS roles) AS roles,
    pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check
  FROM ${POLICIES_FROM_SQL} WHERE ${buildPageSql('p.oid', POLICIES_FROM_SQL, buildIsOwnRelationSql('r', 'p', 'f'))}`,
};
