/**
 * Derives from a catalog which role has which privilege. Default privileges of PUBLIC are included; those that owners
 * have implicitly are not. Pure.
 */
import type { Catalog } from './catalog';
import type { Grant } from './catalog/grants';
import type { Role } from './catalog/roles';
import { groupBy, readMajorVersion } from './compare/pair';
import { memoize } from './memoize';
import { joinKey } from './names';

/** Object of a privilege. */
export type PrivilegeObject = Pick<Grant, 'on' | 'schema' | 'name' | 'column' | 'signature' | 'creator'>;

export const buildPrivilegeObjectKey = ({
  on,
  schema = '',
  name = '',
  column = '',
  signature = '',
  creator = '',
}: PrivilegeObject): string => joinKey(on, schema, name, column, signature, creator);

/** Privileges that PUBLIC has on a new object by default. */
const IMPLICIT_PRIVILEGES: Readonly<Partial<Record<Grant['on'], readonly string[]>>> = {
  function: ['EXECUTE'],
  type: ['USAGE'],
  database: ['CONNECT', 'TEMPORARY'],
};

export const isImplicitGrant = ({ on, grantee, privilege }: Grant): boolean =>
  grantee === 'public' && (IMPLICIT_PRIVILEGES[on]?.includes(privilege) ?? false);

/** Whether the source contains privileges. A file without roles does not. */
export const hasPrivilegeInformation = ({ roles }: Catalog): boolean => roles.length > 0;

const groupGrantsByObject = memoize((grants: Catalog['grants']) => groupBy(grants, buildPrivilegeObjectKey));

/** Returns the grants and revocations on an object that differ from the server's defaults. */
export const listExplicitGrants = ({ grants }: Catalog, object: PrivilegeObject): readonly Grant[] =>
  groupGrantsByObject(grants).get(buildPrivilegeObjectKey(object)) ?? [];

/** Returns all privileges on an object as grants, including PUBLIC's by default. */
export function listGrantsOn(catalog: Catalog, object: PrivilegeObject): readonly Grant[] {
  const lines = listExplicitGrants(catalog, object);
  const revoked = new Set(
    lines.filter((each) => each.revoked).map(({ grantee, privilege }) => joinKey(grantee, privilege)),
  );
  // Copies only the fields that identify the object. The object may be a grant, whose option PUBLIC does not have.
  const { on, schema, name, column, signature, creator } = object;
  const implicit = (IMPLICIT_PRIVILEGES[on] ?? [])
    .filter((privilege) => !revoked.has(joinKey('public', privilege)))
    .map(
      (privilege): Grant => ({ on, schema, name, column, signature, creator, grantee: 'public', privilege }),
    );
  return [...lines.filter((each) => !each.revoked), ...implicit];
}

const indexRolesByName = memoize((roles: readonly Role[]) => new Map(roles.map((each) => [each.name, each])));

/** Returns the role itself, PUBLIC, and all roles whose privileges it inherits. */
function listEffectiveRoles({ roles }: Catalog, name: string): ReadonlySet<string> {
  const all = new Set(['public', name]);
  if (name !== 'public')
    for (const each of all)
      for (const other of indexRolesByName(roles).get(each)?.memberOf ?? []) all.add(other);
  return all;
}

const listKnownObjects = memoize(
  ({ tables, views, columns, sequences, schemas, functions, types }: Catalog) =>
    new Map(
      [
        ...[...tables, ...views].map((each) => [{ on: 'table', ...toNames(each) }, each.owner] as const),
        ...columns.map(({ schema, table, name }) => {
          return [{ on: 'column', schema, name: table, column: name }, undefined] as const;
        }),
        ...views.flatMap(({ schema, name, columns: own, owner }) =>
          own.map((column) => [{ on: 'column', schema, name, column }, owner] as const),
        ),
        ...sequences.map((each) => [{ on: 'sequence', ...toNames(each) }, each.owner] as const),
        ...schemas.map(({ name, owner }) => [{ on: 'schema', name }, owner] as const),
        ...functions.map(
          (each) => [{ on: 'function', ...toNames(each), signature: each.signature }, each.owner] as const,
        ),
        ...types.map((each) => [{ on: 'type', ...toNames(each) }, each.owner] as const),
      ].map(([object, owner]) => [buildPrivilegeObjectKey(object as PrivilegeObject), owner] as const),
    ),
);

const toNames = ({ schema, name }: { readonly schema: string; readonly name: string }) => ({ schema, name });

/** Whether the catalog contains the object, and so states the privileges on it. */
export const isKnownObject = (catalog: Catalog, object: PrivilegeObject): boolean => {
  if (object.on === 'database') return catalog.database[0]?.owner !== undefined;
  return object.on === 'default privileges' || listKnownObjects(catalog).has(buildPrivilegeObjectKey(object));
};

/** Returns the owner of an object, or null if it is unknown. */
export function findOwner(catalog: Catalog, object: PrivilegeObject): string | null {
  const { on, schema, name, creator } = object;
  const ofDatabase = catalog.database[0]?.owner ?? null;
  if (on === 'default privileges') return creator ?? null;
  const asTable = on === 'column' ? { on: 'table' as const, schema, name } : object;
  const owner = listKnownObjects(catalog).get(buildPrivilegeObjectKey(asTable)) ?? ofDatabase;
  return owner === 'pg_database_owner' ? ofDatabase : owner;
}

/**
 * Whether the role has every privilege on the object, as its owner or a superuser. It can neither lose nor gain any.
 */
export function isOwnerOrSuperuser(catalog: Catalog, object: PrivilegeObject, role: string): boolean {
  const owner = findOwner(catalog, object);
  return [...listEffectiveRoles(catalog, role)].some(
    (each) => each === owner || indexRolesByName(catalog.roles).get(each)?.superuser,
  );
}

const TABLE_PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'];

/**
 * Whether the role has the privilege: directly, as a member of a role, through PUBLIC, or for a column by a privilege
 * on its table.
 */
export function hasPrivilege(catalog: Catalog, grant: Grant): boolean {
  const who = listEffectiveRoles(catalog, grant.grantee);
  const on = (object: PrivilegeObject): readonly Grant[] =>
    listGrantsOn(catalog, object).filter(({ grantee }) => who.has(grantee));
  const { schema, name } = grant;
  const own = [...on(grant), ...(grant.on === 'column' ? on({ on: 'table', schema, name }) : [])];
  if (
    own.some(({ privilege, grantable }) => privilege === grant.privilege && (grantable || !grant.grantable))
  )
    return true;
  // A dump of a server before 17 that granted every table privilege is restored as GRANT ALL, which includes MAINTAIN.
  return (
    grant.privilege === 'MAINTAIN' &&
    readMajorVersion(catalog) < 17 &&
    TABLE_PRIVILEGES.every((each) => own.some(({ privilege }) => privilege === each))
  );
}

/** Whether the source knows the role: its server has it, or the dump names it. */
export const isKnownRole = ({ roles }: Catalog, name: string): boolean =>
  name === 'public' || name.startsWith('pg_') || indexRolesByName(roles).has(name);
