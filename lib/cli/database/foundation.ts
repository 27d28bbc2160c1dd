/**
 * What migrations find when the first of them runs: roles, the services' schemas of a hosted database, and extensions
 * that none of the files makes. Only its form matters, so what cannot be made is passed over.
 */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import { path } from '../../../lambda/audit/names';
import type { Database } from '../../../lambda/postgres/database';
import { quoteIdentifier, quoteLiteral } from '../../../lambda/sql/quote';
import { grantStatements } from '../../audit/write/parts/rights';

/** None may log in, and none has a right that its creator has not. */
export function roleStatements(roles: readonly string[], owner: string): string[] {
  return roles.flatMap((role) => [
    `CREATE ROLE ${quoteIdentifier(role)} NOLOGIN`,
    `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(owner)} WITH ADMIN OPTION`,
  ]);
}

/** Of a superuser, in this order; the server has them if it can. */
export function extensionStatements(
  { extensions }: Catalogue,
  mentioned: ReadonlySet<string>,
  schemas: readonly string[],
  owner: string,
): string[] {
  const missing = extensions.filter(({ name }) => name !== 'plpgsql' && !mentioned.has(name.toLowerCase()));
  const of = schemas.map(
    (schema) =>
      `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)} AUTHORIZATION ${quoteIdentifier(owner)}`,
  );
  return [
    ...of,
    ...missing.map(({ name, schema }) => {
      const inSchema =
        schemas.includes(schema) || schema === 'public' ? ` SCHEMA ${quoteIdentifier(schema)}` : '';
      return `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)}${inSchema}`;
    }),
  ];
}

/** Of the role itself: a stranger's functions never get a superuser's rights. */
export function serviceStatements(catalogue: Catalogue, schemas: readonly string[]): string[] {
  const own = ({ schema }: { readonly schema: string }): boolean => schemas.includes(schema);
  const { types, functions, tables, columns, constraints } = catalogue;
  return [
    'SET check_function_bodies = off',
    ...types
      .filter(({ kind, schema }) => kind === 'enum' && own({ schema }))
      .map(
        ({ schema, name, labels = [] }) =>
          `CREATE TYPE ${path(schema, name)} AS ENUM (${labels.map(quoteLiteral).join(', ')})`,
      ),
    ...tables
      .filter((table) => own(table) && table.kind !== 'foreign')
      .map(({ schema, name }) => {
        const all = columns
          .filter((column) => column.schema === schema && column.table === name)
          .map((column) => `${quoteIdentifier(column.name)} ${column.type}`);
        return `CREATE TABLE ${path(schema, name)} (${all.join(', ')})`;
      }),
    ...constraints
      .filter((each) => own(each) && (each.type === 'primary key' || each.type === 'unique'))
      .map(
        ({ schema, table, name, definition }) =>
          `ALTER TABLE ${path(schema, table)} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`,
      ),
    ...functions
      .filter(({ kind, schema }) => kind !== 'aggregate' && own({ schema }))
      .map(({ definition }) => definition),
    'RESET check_function_bodies',
  ];
}

/**
 * What a new database of the service has outside its schemas: rights on schema `public` and on what will be made there, and its
 * publication. As the live database has them: which were there from the beginning is not known. Of a superuser.
 */
export function standingStatements({ grants, publications }: Catalogue, owner: string): string[] {
  const standing = grants.filter(
    ({ on, name }) => on === 'default privileges' || (on === 'schema' && name === 'public'),
  );
  return [
    ...grantStatements(standing),
    ...publications
      .filter(({ name }) => /^supabase_realtime/.test(name))
      .flatMap(({ name, publishes, viaRoot }) => {
        const own = quoteIdentifier(name);
        const options = `publish = ${quoteLiteral(publishes.join(', '))}${viaRoot ? ', publish_via_partition_root' : ''}`;
        return [
          `CREATE PUBLICATION ${own} WITH (${options})`,
          `ALTER PUBLICATION ${own} OWNER TO ${quoteIdentifier(owner)}`,
        ];
      }),
  ];
}

/** One after the other; what fails is left out. */
export async function asFarAsPossible(db: Database, statements: readonly string[]): Promise<void> {
  for (const sql of statements) await db.query(sql).catch(() => {});
}
