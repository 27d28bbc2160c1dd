/** What a move, or a hand, can do to a database: each statement that takes away or changes one thing that it has. Pure. */
import type { Catalog } from '../../../lambda/audit/catalog';
import { quoteIdentifier as q } from '../../../lambda/sql/quote';

const of = (...names: readonly string[]): string => names.map(q).join('.');

export function lossesOf(catalog: Catalog): readonly string[] {
  const alter = (schema: string, table: string, what: string) => `ALTER TABLE ${of(schema, table)} ${what}`;
  const owned = new Set(
    catalog.sequences.filter(({ identity }) => identity).map((each) => of(each.schema, each.name)),
  );
  const computed = new Set([
    ...catalog.indexes
      .filter(({ expressions, predicate }) => expressions || predicate)
      .map((each) => of(each.schema, each.table)),
    ...catalog.constraints.filter(({ type }) => type === 'check').map((each) => of(each.schema, each.table)),
    ...catalog.columns.filter(({ generated }) => generated).map((each) => of(each.schema, each.table)),
  ]);
  /** Names of what its table gives it are a partition's own affair. */
  const partitions = new Set(
    catalog.tables.filter(({ partitionOf }) => partitionOf).map((each) => of(each.schema, each.name)),
  );
  return [
    ...catalog.schemas
      .filter(({ name }) => name !== 'public')
      .map(({ name }) => `DROP SCHEMA ${q(name)} CASCADE`),
    ...catalog.types.map(
      ({ schema, name, kind }) => `DROP ${kind === 'domain' ? 'DOMAIN' : 'TYPE'} ${of(schema, name)} CASCADE`,
    ),
    ...catalog.sequences
      .filter(({ schema, name }) => !owned.has(of(schema, name)))
      .flatMap(({ schema, name }) => [
        `DROP SEQUENCE ${of(schema, name)} CASCADE`,
        `ALTER SEQUENCE ${of(schema, name)} OWNED BY NONE`,
        `ALTER SEQUENCE ${of(schema, name)} INCREMENT BY 2`,
      ]),
    ...catalog.tables.flatMap(({ schema, name }) => [
      `DROP TABLE ${of(schema, name)} CASCADE`,
      alter(schema, name, 'DISABLE ROW LEVEL SECURITY'),
      alter(schema, name, 'NO FORCE ROW LEVEL SECURITY'),
      alter(schema, name, 'REPLICA IDENTITY DEFAULT'),
      `REVOKE ALL ON ${of(schema, name)} FROM PUBLIC`,
      `COMMENT ON TABLE ${of(schema, name)} IS NULL`,
    ]),
    ...catalog.columns.flatMap(({ schema, table, name }) => [
      alter(schema, table, `DROP ${q(name)} CASCADE`),
      alter(schema, table, `ALTER ${q(name)} DROP DEFAULT`),
      alter(schema, table, `ALTER ${q(name)} DROP NOT NULL`),
      alter(schema, table, `ALTER ${q(name)} DROP IDENTITY`),
      alter(schema, table, `ALTER ${q(name)} DROP EXPRESSION`),
      // An expression over a column of another type may have no meaning when the column gets its own again.
      ...(computed.has(of(schema, table))
        ? []
        : [
            alter(schema, table, `ALTER ${q(name)} TYPE text`),
            alter(schema, table, `ALTER ${q(name)} TYPE bigint USING NULL`),
          ]),
    ]),
    ...catalog.constraints.flatMap(({ schema, table, name, type }) => [
      alter(schema, table, `DROP CONSTRAINT ${q(name)} CASCADE`),
      // That a mover calls a primary key otherwise is no finding.
      ...(type === 'primary key' || partitions.has(of(schema, table))
        ? []
        : [alter(schema, table, `RENAME CONSTRAINT ${q(name)} TO ${q(`${name.slice(0, 20)}_other`)}`)]),
    ]),
    ...catalog.indexes.flatMap(({ schema, table, name, primary }) => [
      `DROP INDEX ${of(schema, name)} CASCADE`,
      ...(primary || partitions.has(of(schema, table))
        ? []
        : [`ALTER INDEX ${of(schema, name)} RENAME TO ${q(`${name.slice(0, 20)}_other`)}`]),
    ]),
    ...catalog.views.flatMap(({ schema, name, materialized }) => [
      `DROP ${materialized ? 'MATERIALIZED ' : ''}VIEW ${of(schema, name)} CASCADE`,
    ]),
    ...catalog.functions.map(
      ({ schema, name, signature }) => `DROP ROUTINE ${of(schema, name)}(${signature}) CASCADE`,
    ),
    ...catalog.triggers.flatMap(({ schema, table, name }) => [
      `DROP TRIGGER ${q(name)} ON ${of(schema, table)}`,
      alter(schema, table, `DISABLE TRIGGER ${q(name)}`),
    ]),
    ...catalog.rules.map(({ schema, table, name }) => `DROP RULE ${q(name)} ON ${of(schema, table)}`),
    ...catalog.policies.flatMap(({ schema, table, name }) => [
      `DROP POLICY ${q(name)} ON ${of(schema, table)}`,
      `ALTER POLICY ${q(name)} ON ${of(schema, table)} USING (false)`,
    ]),
    ...catalog.publications.map(({ name }) => `DROP PUBLICATION ${q(name)}`),
  ];
}
