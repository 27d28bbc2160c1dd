/**
 * Creates what migrations expect before the first of them runs: roles, the service schemas of a hosted database, and
 * extensions that none of the files creates. Only the structure matters, so statements that fail are skipped.
 */
import type { Catalog } from '../../../lambda/audit/catalog';
import { formatPath } from '../../../lambda/audit/names';
import type { Database } from '../../../lambda/postgres/database';
import { quoteIdentifier, quoteLiteral } from '../../../lambda/sql/quote';
import { buildGrantStatements } from '../../audit/write/parts/rights';

/** Builds the statements that create the roles. None may log in, and none has privileges that its creator lacks. */
export function buildRoleStatements(roles: readonly string[], owner: string): string[] {
  return roles.flatMap((role) => [
    `CREATE ROLE ${quoteIdentifier(role)} NOLOGIN`,
    `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(owner)} WITH ADMIN OPTION`,
  ]);
}

/**
 * Builds the statements that create the service schemas and the extensions. A superuser runs them in this order;
 * extensions that the server does not offer are skipped.
 */
export function buildExtensionStatements(
  { extensions }: Catalog,
  mentioned: ReadonlySet<string>,
  schemas: readonly string[],
  owner: string,
  isRefused: (extension: string) => boolean,
): string[] {
  // Files of unknown origin run beside the extensions, so unsafe ones are left out.
  const missing = extensions.filter(
    ({ name }) => name !== 'plpgsql' && !mentioned.has(name.toLowerCase()) && !isRefused(name),
  );
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

/**
 * Builds the statements that create the objects of the service schemas. The role itself runs them, so that functions of
 * unknown origin never get superuser rights.
 */
export function buildServiceStatements(catalog: Catalog, schemas: readonly string[]): string[] {
  const own = ({ schema }: { readonly schema: string }): boolean => schemas.includes(schema);
  const { types, functions, tables, columns, constraints } = catalog;
  return [
    'SET check_function_bodies = off',
    ...types
      .filter(({ kind, schema }) => kind === 'enum' && own({ schema }))
      .map(
        ({ schema, name, labels = [] }) =>
          `CREATE TYPE ${formatPath(schema, name)} AS ENUM (${labels.map(quoteLiteral).join(', ')})`,
      ),
    ...tables
      .filter((table) => own(table) && table.kind !== 'foreign')
      .map(({ schema, name }) => {
        const all = columns
          .filter((column) => column.schema === schema && column.table === name)
          .map((column) => `${quoteIdentifier(column.name)} ${column.type}`);
        return `CREATE TABLE ${formatPath(schema, name)} (${all.join(', ')})`;
      }),
    ...constraints
      .filter((each) => own(each) && (each.type === 'primary key' || each.type === 'unique'))
      .map(
        ({ schema, table, name, definition }) =>
          `ALTER TABLE ${formatPath(schema, table)} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`,
      ),
    ...functions
      .filter(({ kind, schema }) => kind !== 'aggregate' && own({ schema }))
      .map(({ definition }) => definition),
    'RESET check_function_bodies',
  ];
}

/**
 * Builds what a new database of the service has outside its schemas: privileges on schema `public`, default privileges,
 * and its publication. They are copied from the live database, since it is unknown which of them existed from the
 * beginning. A superuser runs the statements.
 */
export function buildDatabaseDefaultStatements({ grants, publications }: Catalog, owner: string): string[] {
  const standing = grants.filter(
    ({ on, name }) => on === 'default privileges' || (on === 'schema' && name === 'public'),
  );
  return [
    ...buildGrantStatements(standing),
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

/** Runs the statements one by one and ignores those that fail. */
export async function executeIgnoringErrors(db: Database, statements: readonly string[]): Promise<void> {
  for (const sql of statements) await db.query(sql).catch(() => {});
}
