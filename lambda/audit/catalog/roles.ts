import type { ObjectKind } from './kind';

/**
 * A role of the server, with what determines the privileges that a grant adds. The list is empty if the source does not
 * tell privileges: an SQLite file, a dump without privileges, a snapshot of an earlier version.
 */
export interface Role {
  readonly name: string;
  /** The role bypasses privilege checks, so it cannot lose or gain any. */
  readonly superuser?: true;
  /** Roles that it is a direct member of and whose privileges it inherits. */
  readonly memberOf?: readonly string[];
}

export const roles: ObjectKind<Role> = {
  namedBy: ['name'],
  sql: (major) => `SELECT r.rolname AS name, r.rolsuper AS superuser,
    (SELECT array_agg(o.rolname::text ORDER BY o.rolname COLLATE "C")
     FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid
     WHERE m.member = r.oid AND ${major >= 16 ? 'm.inherit_option' : 'r.rolinherit'}) AS "memberOf"
  FROM pg_roles r WHERE r.rolname !~ '^pg_'`,
};
