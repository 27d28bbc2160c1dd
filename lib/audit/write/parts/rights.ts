/** Repairs policies and grants. */
import type { Grant } from '../../../../lambda/audit/catalog/grants';
import type { Policy } from '../../../../lambda/audit/catalog/policies';
import { groupBy } from '../../../../lambda/audit/compare/pair';
import {
  buildPrivilegeObjectKey,
  listExplicitGrants,
  type PrivilegeObject,
} from '../../../../lambda/audit/rights';
import { quoteName as name, quoteRelation, quoteRole, quoteTable, quoteText } from '../names';
import { buildRoleQuestions, type RepairContext } from '../repair-context';
import type { RepairStep, Unrepairable } from '../repair-step';

export function buildPolicyStep(
  context: RepairContext,
  from: Policy,
  to: Policy | undefined,
): RepairStep | Unrepairable {
  const table = quoteTable(from);
  const own = name(from.name);
  if (to && (to.command !== from.command || to.restrictive !== from.restrictive))
    return { unwritten: 'ALTER POLICY cannot change the command of a policy or whether it is restrictive' };
  const rest = [
    `TO ${from.roles.map(quoteRole).join(', ')}`,
    ...(from.using ? [`USING (${from.using})`] : []),
    ...(from.check ? [`WITH CHECK (${from.check})`] : []),
  ].join(' ');
  return {
    phase: 'policy',
    group: `policy ${table} ${own}`,
    title: `policy ${from.table} ${from.name}`,
    table: { schema: from.schema, name: from.table },
    about: [`Policy ${own} on ${table}, as the source has it.`],
    decide: [
      ...(to ? [`policy ${own} on ${table} differs from the source. Which definition should it have?`] : []),
      ...buildRoleQuestions(context, from.roles),
    ],
    up: [
      to
        ? `ALTER POLICY ${own} ON ${table} ${rest}`
        : `CREATE POLICY ${own} ON ${table}${from.restrictive ? ' AS RESTRICTIVE' : ''} FOR ${from.command} ${rest}`,
    ],
    verify: [
      `SELECT ${quoteText(`There is no policy ${own} on ${table}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_policy WHERE polrelid = pg_catalog.to_regclass(${quoteText(table)}) AND polname = ${quoteText(from.name)})`,
    ],
  };
}

/** Revokes, for each role, the privileges that it has here but not in the source. */
export function buildRevokeSteps(context: RepairContext, grants: readonly Grant[]): RepairStep[] {
  return [...groupBy(grants, ({ grantee }) => grantee)].map(([grantee, all]) => {
    const isAsked = all.some((grant) => !isRevokedInSource(context, grant));
    const inDatabase = all.some(({ on }) => on === 'database');
    return {
      phase: 'revoke',
      group: `revoked from ${grantee}`,
      title: `revoke from ${grantee}`,
      about: [`Privileges that ${quoteRole(grantee)} has here but not in the source.`],
      decide: [
        ...(isAsked
          ? [`does anything need these privileges of ${quoteRole(grantee)}? The source does not grant them`]
          : []),
        ...buildRoleQuestions(context, [grantee, ...all.flatMap(({ creator }) => creator ?? [])]),
      ],
      ...(inDatabase
        ? {
            consents: {
              'opaque-code': 'the block changes privileges on the current database, whatever its name is',
            },
          }
        : {}),
      preflight: all.flatMap(buildForeignGrantCheck),
      up: [
        ...buildGrantStatements(all),
        ...buildGrantStatements(all.flatMap((each) => listKeptColumnGrants(context, each, all))),
      ],
      verify: all.flatMap(buildStillGrantedCheck),
    };
  });
}

const isRevokedInSource = ({ source }: RepairContext, grant: Grant): boolean =>
  listExplicitGrants(source, grant).some(
    (each) => each.revoked && each.grantee === grant.grantee && each.privilege === grant.privilege,
  );

/**
 * Lists the column grants to restore, because REVOKE on a table also revokes the same privilege on its columns.
 * @param all grants that are revoked together
 */
const listKeptColumnGrants = (
  { target }: RepairContext,
  { on, schema, name: table, grantee, privilege, grantable }: Grant,
  all: readonly Grant[],
): readonly Grant[] =>
  on !== 'table' || grantable
    ? []
    : target.grants.filter(
        (each) =>
          each.on === 'column' &&
          each.schema === schema &&
          each.name === table &&
          each.grantee === grantee &&
          each.privilege === privilege &&
          !all.some(
            (other) =>
              !other.grantable &&
              buildPrivilegeObjectKey(other) === buildPrivilegeObjectKey(each) &&
              other.privilege === privilege,
          ),
      );

/** Where the server stores the privileges on an object. */
export interface AclSource {
  readonly from: string;
  readonly list: string;
  readonly where: string;
  readonly owner: string;
}

/** Returns `null` for objects without an access privilege list. */
export function findAcl(object: PrivilegeObject): AclSource | null {
  const { on, column } = object;
  if (on === 'default privileges') return null;
  if (on === 'database')
    return {
      from: 'pg_catalog.pg_database AS o',
      list: "coalesce(o.datacl, pg_catalog.acldefault('d', o.datdba))",
      where: 'o.datname = pg_catalog.current_database()',
      owner: 'o.datdba',
    };
  const called = quoteText(formatGrantObject(object));
  const relation = { where: `o.oid = pg_catalog.to_regclass(${called})`, owner: 'o.relowner' };
  switch (on) {
    case 'table':
    case 'sequence':
      return { ...relation, from: 'pg_catalog.pg_class AS o', list: 'o.relacl' };
    case 'column':
      return {
        ...relation,
        from: `pg_catalog.pg_class AS o JOIN pg_catalog.pg_attribute AS c ON c.attrelid = o.oid AND c.attname = ${quoteText(column ?? '')}`,
        list: 'c.attacl',
      };
    case 'schema':
      return {
        from: 'pg_catalog.pg_namespace AS o',
        list: 'o.nspacl',
        where: `o.oid = pg_catalog.to_regnamespace(${called})`,
        owner: 'o.nspowner',
      };
    case 'function':
      return {
        from: 'pg_catalog.pg_proc AS o',
        list: "coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))",
        where: `o.oid = pg_catalog.to_regprocedure(${called})`,
        owner: 'o.proowner',
      };
    case 'type':
      return {
        from: 'pg_catalog.pg_type AS o',
        list: "coalesce(o.typacl, pg_catalog.acldefault('T', o.typowner))",
        where: `o.oid = pg_catalog.to_regtype(${called})`,
        owner: 'o.typowner',
      };
  }
}

/** Builds a FROM clause with one row, `a`, for each privilege on the object. */
export const buildAclFromSql = ({ from, list, where }: AclSource, join = ''): string =>
  `FROM ${from} CROSS JOIN LATERAL pg_catalog.aclexplode(${list}) AS a${join}\nWHERE ${where}`;

const buildGranteeCondition = (grantee: string): string =>
  grantee === 'public'
    ? 'a.grantee = 0'
    : `a.grantee = pg_catalog.to_regrole(${quoteText(quoteRole(grantee))})::oid`;

export const describeObject = (grant: PrivilegeObject): string =>
  grant.on === 'database'
    ? 'the database'
    : `${grant.on} ${formatGrantObject(grant)}${grant.column === undefined ? '' : `.${name(grant.column)}`}`;

/** Checks that the owner made the grant, since the owner can revoke only its own grants. */
function buildForeignGrantCheck(grant: Grant): string[] {
  const acl = findAcl(grant);
  const { grantee, privilege } = grant;
  return acl === null
    ? []
    : [
        `SELECT pg_catalog.format(${quoteText(`${escapePercent(`${quoteRole(grantee)} has ${privilege} on ${describeObject(grant)}`)} from %s, not from its owner: revoke it as %s`)}, pg_catalog.pg_get_userbyid(a.grantor), pg_catalog.pg_get_userbyid(a.grantor))
${buildAclFromSql(acl)} AND ${buildGranteeCondition(grantee)} AND a.privilege_type = ${quoteText(privilege)} AND a.grantor <> ${acl.owner}`,
      ];
}

/** Escapes `%` for format(). */
export const escapePercent = (text: string): string => text.replaceAll('%', '%%');

function buildStillGrantedCheck(grant: Grant): string[] {
  const acl = findAcl(grant);
  const { grantee, privilege, grantable } = grant;
  return acl === null
    ? []
    : [
        `SELECT ${quoteText(`${quoteRole(grantee)} still has ${privilege}${grantable ? ' WITH GRANT OPTION' : ''} on ${describeObject(grant)}`)}
${buildAclFromSql(acl)} AND ${buildGranteeCondition(grantee)} AND a.privilege_type = ${quoteText(privilege)}${grantable ? ' AND a.is_grantable' : ''}`,
      ];
}

/** Builds the grants of each role, in one file for each role. */
export function buildGrantSteps(context: RepairContext, grants: readonly Grant[]): RepairStep[] {
  return [...groupBy(grants, ({ grantee }) => grantee)].map(([grantee, all]) => {
    const statements = buildGrantStatements(all);
    const inDatabase = all.some(({ on }) => on === 'database');
    return {
      phase: 'grant',
      group: `grants of ${grantee}`,
      title: `grants of ${grantee}`,
      about: [`Privileges of ${quoteRole(grantee)}, as in the source.`],
      decide: buildRoleQuestions(context, [grantee, ...all.flatMap(({ creator }) => creator ?? [])]),
      ...(inDatabase
        ? {
            consents: {
              'opaque-code': 'the block changes privileges on the current database, whatever its name is',
            },
          }
        : {}),
      up: statements,
      verify: all.flatMap(buildGrantCheck),
    };
  });
}

/** Builds one statement for each object and grantee. */
export const buildGrantStatements = (grants: readonly Grant[]): string[] =>
  [...groupBy(grants, (each) => JSON.stringify({ ...each, privilege: '' }))].map(([, same]) =>
    buildGrantStatement(same),
  );

function buildGrantStatement(grants: readonly Grant[]): string {
  const [first] = grants as readonly [Grant];
  const { on, grantee, revoked, grantable, column, creator, schema, name: kind = '' } = first;
  const own = column === undefined ? '' : ` (${name(column)})`;
  const privileges = grants.map(({ privilege }) => `${privilege}${own}`).join(', ');
  const who = `${revoked ? 'FROM' : 'TO'} ${quoteRole(grantee)}${grantable && !revoked ? ' WITH GRANT OPTION' : ''}`;
  const verb = revoked ? (grantable ? 'REVOKE GRANT OPTION FOR' : 'REVOKE') : 'GRANT';
  if (on === 'default privileges')
    return `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteRole(creator!)}${schema === undefined ? '' : ` IN SCHEMA ${name(schema)}`} ${verb} ${privileges} ON ${kind.toUpperCase()} ${who}`;
  if (on === 'database')
    return `DO $$ BEGIN EXECUTE pg_catalog.format(${quoteText(`${verb} ${privileges} ON DATABASE %I ${who}`)}, pg_catalog.current_database()); END $$`;
  return `${verb} ${privileges} ON ${OBJECT_NOUNS[on]} ${formatGrantObject(first)} ${who}`;
}

export const OBJECT_NOUNS: Readonly<Record<Exclude<Grant['on'], 'default privileges' | 'database'>, string>> =
  {
    table: 'TABLE',
    column: 'TABLE',
    sequence: 'SEQUENCE',
    schema: 'SCHEMA',
    function: 'ROUTINE',
    type: 'TYPE',
  };

export const formatGrantObject = ({ on, schema = '', name: own = '', signature }: PrivilegeObject): string =>
  on === 'schema'
    ? name(own)
    : `${quoteRelation({ schema, name: own })}${signature === undefined ? '' : `(${signature})`}`;

/** Builds the verify query of a grant. The functions has_…_privilege do not accept PUBLIC. */
function buildGrantCheck(grant: Grant): string[] {
  const { on, grantee, privilege, revoked, column } = grant;
  if (on === 'default privileges' || on === 'database' || revoked || privilege === 'MAINTAIN') return [];
  const object = formatGrantObject(grant);
  const who = quoteText(grantee);
  const asked = {
    table: `has_table_privilege(${who}, ${quoteText(object)}, ${quoteText(privilege)})`,
    column: `has_column_privilege(${who}, ${quoteText(object)}, ${quoteText(column ?? '')}, ${quoteText(privilege)})`,
    sequence: `has_sequence_privilege(${who}, ${quoteText(object)}, ${quoteText(privilege)})`,
    schema: `has_schema_privilege(${who}, ${quoteText(grant.name ?? '')}, ${quoteText(privilege)})`,
    function: `has_function_privilege(${who}, ${quoteText(object)}, ${quoteText(privilege)})`,
    type: `has_type_privilege(${who}, ${quoteText(object)}, ${quoteText(privilege)})`,
  }[on];
  return [
    `SELECT ${quoteText(`${quoteRole(grantee)} lacks ${privilege} on ${describeObject(grant)}`)} WHERE NOT pg_catalog.${asked}`,
  ];
}
