/** Who may do what: policies, grants. */
import type { Grant } from '../../../../lambda/audit/catalogue/grants';
import type { Policy } from '../../../../lambda/audit/catalogue/policies';
import { grouped } from '../../../../lambda/audit/compare/pair';
import { asksForRoles, type Context } from '../context';
import { literal, column as name, relation, role, tableOf } from '../names';
import type { Part, Unwritten } from '../part';

export function policyPart(context: Context, from: Policy, to: Policy | undefined): Part | Unwritten {
  const table = tableOf(from);
  const own = name(from.name);
  if (to && (to.command !== from.command || to.restrictive !== from.restrictive))
    return { unwritten: 'ALTER POLICY cannot change its command, nor whether it is restrictive' };
  const rest = [
    `TO ${from.roles.map(role).join(', ')}`,
    ...(from.using ? [`USING (${from.using})`] : []),
    ...(from.check ? [`WITH CHECK (${from.check})`] : []),
  ].join(' ');
  return {
    phase: 'policy',
    group: `policy ${table} ${own}`,
    title: `policy ${from.table} ${from.name}`,
    about: [`Policy ${own} on ${table}, as the source has it.`],
    decide: [
      ...(to ? [`policy ${own} on ${table} is another one here than in the source: which is right?`] : []),
      ...asksForRoles(context, from.roles),
    ],
    up: [
      to
        ? `ALTER POLICY ${own} ON ${table} ${rest}`
        : `CREATE POLICY ${own} ON ${table}${from.restrictive ? ' AS RESTRICTIVE' : ''} FOR ${from.command} ${rest}`,
    ],
    verify: [
      `SELECT ${literal(`There is no policy ${own} on ${table}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_policy WHERE polrelid = pg_catalog.to_regclass(${literal(table)}) AND polname = ${literal(from.name)})`,
    ],
  };
}

/** Of one role: a file each. */
export function grantParts(context: Context, grants: readonly Grant[]): Part[] {
  return [...grouped(grants, ({ grantee }) => grantee)].map(([grantee, all]) => {
    const statements = grantStatements(all);
    const inDatabase = all.some(({ on }) => on === 'database');
    return {
      phase: 'grant',
      group: `grants of ${grantee}`,
      title: `grants of ${grantee}`,
      about: [`What ${role(grantee)} may do, as in the source.`],
      decide: asksForRoles(context, [grantee, ...all.flatMap(({ creator }) => creator ?? [])]),
      ...(inDatabase
        ? { consents: { 'unseen-code': 'the block sets privileges of this database, whatever it is called' } }
        : {}),
      up: statements,
      verify: all.flatMap(check),
    };
  });
}

/** One for each object and grantee. */
export const grantStatements = (grants: readonly Grant[]): string[] =>
  [...grouped(grants, (each) => JSON.stringify({ ...each, privilege: '' }))].map(([, same]) =>
    statement(same),
  );

function statement(grants: readonly Grant[]): string {
  const [first] = grants as readonly [Grant];
  const { on, grantee, revoked, grantable, column, creator, schema, name: kind = '' } = first;
  const own = column === undefined ? '' : ` (${name(column)})`;
  const privileges = grants.map(({ privilege }) => `${privilege}${own}`).join(', ');
  const who = `${revoked ? 'FROM' : 'TO'} ${role(grantee)}${grantable && !revoked ? ' WITH GRANT OPTION' : ''}`;
  const verb = revoked ? 'REVOKE' : 'GRANT';
  if (on === 'default privileges')
    return `ALTER DEFAULT PRIVILEGES FOR ROLE ${role(creator!)}${schema === undefined ? '' : ` IN SCHEMA ${name(schema)}`} ${verb} ${privileges} ON ${kind.toUpperCase()} ${who}`;
  if (on === 'database')
    return `DO $$ BEGIN EXECUTE pg_catalog.format(${literal(`${verb} ${privileges} ON DATABASE %I ${who}`)}, pg_catalog.current_database()); END $$`;
  return `${verb} ${privileges} ON ${NOUN[on]} ${objectOf(first)} ${who}`;
}

const NOUN: Readonly<Record<Exclude<Grant['on'], 'default privileges' | 'database'>, string>> = {
  table: 'TABLE',
  column: 'TABLE',
  sequence: 'SEQUENCE',
  schema: 'SCHEMA',
  function: 'ROUTINE',
  type: 'TYPE',
};

const objectOf = ({ on, schema = '', name: own = '', signature }: Grant): string =>
  on === 'schema'
    ? name(own)
    : `${relation({ schema, name: own })}${signature === undefined ? '' : `(${signature})`}`;

/** PUBLIC is no role that could be asked. */
function check(grant: Grant): string[] {
  const { on, grantee, privilege, revoked, column } = grant;
  if (on === 'default privileges' || on === 'database' || revoked || privilege === 'MAINTAIN') return [];
  const object = objectOf(grant);
  const who = literal(grantee);
  const asked = {
    table: `has_table_privilege(${who}, ${literal(object)}, ${literal(privilege)})`,
    column: `has_column_privilege(${who}, ${literal(object)}, ${literal(column ?? '')}, ${literal(privilege)})`,
    sequence: `has_sequence_privilege(${who}, ${literal(object)}, ${literal(privilege)})`,
    schema: `has_schema_privilege(${who}, ${literal(grant.name ?? '')}, ${literal(privilege)})`,
    function: `has_function_privilege(${who}, ${literal(object)}, ${literal(privilege)})`,
    type: `has_type_privilege(${who}, ${literal(object)}, ${literal(privilege)})`,
  }[on];
  return [
    `SELECT ${literal(`${role(grantee)} lacks ${privilege} on ${on} ${object}`)} WHERE NOT pg_catalog.${asked}`,
  ];
}
