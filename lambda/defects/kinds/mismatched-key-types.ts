import type { Catalog } from '../../audit/catalog';
import type { Column } from '../../audit/catalog/columns';
import type { Finding } from '../../audit/finding';
import { formatPath } from '../../audit/names';
import { quoteLiteral } from '../../sql/quote';
import { describeTypeMismatch, listAttributedFindings } from '../attributed-findings';
import { buildTableFilterSql, LIKELY_REFERENCES_SQL } from '../catalog';
import type { DefectKind } from '../defect';
import { makeManualDecision } from '../diagnosis/finding';
import { checksColumn, isOnColumn, readArgument } from '../effects';
import { listLikelyReferences } from '../keys';
import { KEY_TYPES } from '../signatures/key-types';

/** The reference may be to another unique key of the table: a public id of its type beside an internal numeric key. */
const hasKeyOfType = ({ indexes, columns }: Catalog, { schema, table }: Column, type: string): boolean =>
  indexes.some(
    (index) =>
      index.unique &&
      index.schema === schema &&
      index.table === table &&
      index.columns.length === 1 &&
      columns.some(
        (each) =>
          each.schema === schema &&
          each.table === table &&
          each.name === index.columns[0] &&
          each.type === type,
      ),
  );

/** A foreign key of the source is better evidence than the name of the column. */
const hasOtherForeignKey = ({ constraints }: Catalog, { schema, table, name }: Column, to: Column): boolean =>
  constraints.some(
    ({ type, columns = [], references, ...each }) =>
      type === 'foreign key' &&
      each.schema === schema &&
      each.table === table &&
      columns.length === 1 &&
      columns[0] === name &&
      (references?.table !== to.table || references.columns[0] !== to.name),
  );

export const mismatchedKeyTypes: DefectKind = {
  id: 'mismatched-key-types',
  title: 'A key and its reference have types that cannot be compared',
  sqlstates: ['42883', '42804'],
  log: KEY_TYPES,
  impact: 'Joins and lookups by this key fail, and no foreign key can be added between the columns.',
  origin:
    'One table declares its key as uuid, and another declares its reference to it as varchar or text, often after ' +
    'a move from a database without a uuid type. PostgreSQL does not compare the two without a cast and rejects a ' +
    'foreign key between them. An application that sends the id as varchar gets the same error, although nothing ' +
    'is wrong with the schema.',
  audit: {
    confidences: {
      A: 'a statement of the workload that compares them fails',
      C: 'the column is named after a key of another type',
    },
    remedy:
      'Make both sides the type that the key should have, in one migration at a quiet time: it rewrites the table.',
    unwritten: 'a person must decide which type both columns should have',
    blind:
      'References with other names. If the type differs from the source, the finding is column-type-changed.',
    find: (evidence) => {
      const sure = listAttributedFindings('mismatched-key-types', evidence);
      const { differences, source, target } = evidence;
      const known = new Set([
        ...sure.map(({ object }) => object),
        ...differences.filter(({ id }) => id === 'column-type-changed').map(({ object }) => object),
      ]);
      return [
        ...sure,
        ...listLikelyReferences(target.catalog)
          .filter(
            ({ comparable, column, key }) =>
              !comparable &&
              !hasKeyOfType(target.catalog, key, column.type) &&
              !(source && hasOtherForeignKey(source.catalog, column, key)) &&
              // In its own table, such a column holds an external id. A reference to a parent row would have another
              // name.
              column.table !== key.table &&
              ![column, key].some(({ schema, table, name }) => known.has(formatPath(schema, table, name))),
          )
          .map(
            (reference): Finding => ({
              confidence: 'C',
              object: formatPath(reference.column.schema, reference.column.table, reference.column.name),
              message: describeTypeMismatch(reference),
              evidence: [],
            }),
          ),
      ];
    },
  },
  catalog: {
    sql: `
SELECT format('%I.%I', r.nspname, wrong.relname) AS "table", quote_ident(wrong.attname) AS object,
  format('%I.%I.%I is %s, but %I.%I.%I, which it appears to reference, is %s.', r.nspname, r.relname, r.attname,
    r.type, r.nspname, r.target, r.target_column, r.target_type) AS sentence
FROM (${LIKELY_REFERENCES_SQL}) AS r
-- The side to change: the one that is not uuid.
CROSS JOIN LATERAL (SELECT CASE WHEN r.type = 'uuid' THEN r.target ELSE r.relname END AS relname,
  CASE WHEN r.type = 'uuid' THEN r.target_column ELSE r.attname END AS attname) AS wrong
WHERE NOT r.same AND r.target <> r.relname AND ${buildTableFilterSql('wrong.relname', 'wrong.attname')}
ORDER BY 1, 2, 3`,
    rows: 'defect',
    blind:
      'It matches names: a column x_id and a table x or xs with a single-column primary key. It sees neither ' +
      'references with other names nor the types of the parameters that the application sends.',
  },
  repair: (object) =>
    makeManualDecision(
      'Make both sides uuid: the key and all its references, in one migration. uuid accepts an id with or without ' +
        'dashes; as text, the two spellings differ. The change rewrites the table under a lock that blocks readers. ' +
        'It fails if a value is not a UUID, or if a foreign key or a view uses the column: check for those first, ' +
        'and choose a quiet time.',
      [`ALTER TABLE ${object.table} ALTER COLUMN ${object.column} TYPE uuid USING ${object.column}::uuid;`],
    ),
  verification: (object) =>
    `SELECT trueup.col_type_is(${quoteLiteral(object.table)}, ${quoteLiteral(object.column)}, 'uuid')`,
  does: (effect, object) =>
    isOnColumn(effect, object) && effect.kind === 'column type'
      ? effect.type === 'uuid'
        ? 'makes'
        : 'takes-away'
      : null,
  verifies: (check, object) =>
    check.function === 'col_type_is' &&
    checksColumn(check, object) &&
    readArgument(check, 2, 'type_name') === 'uuid',
  example: {
    schema:
      'CREATE TABLE accounts (id uuid PRIMARY KEY);\n' +
      'CREATE TABLE services (id bigint PRIMARY KEY, account_id varchar(255));',
    statement: 'SELECT s.id FROM services s JOIN accounts a ON a.id = s.account_id',
    object: {
      table: 'public.services',
      column: 'account_id',
      columns: ['account_id'],
      name: null,
      detail: 'character varying(255)',
    },
  },
};
