import type { Finding } from '../../audit/finding';
import { formatPath } from '../../audit/names';
import { quoteLiteral, quoteTextArray } from '../../sql/quote';
import { buildTableFilterSql, LIKELY_REFERENCES_SQL } from '../catalog';
import type { DefectKind } from '../defect';
import { checksColumns, isSameKeySet, isSameName } from '../effects';
import { listLikelyReferences } from '../keys';
import { findLost } from '../lost-kind';

export const missingForeignKey: DefectKind = {
  id: 'missing-foreign-key',
  title: 'A reference has no foreign key',
  sqlstates: [],
  log: null,
  impact: 'Rows refer to rows that do not exist, and a deleted row leaves its references behind.',
  origin:
    'The tables were created by a tool, or for a database, that does not enforce references, and the keys were ' +
    'never added. Nothing fails; the orphaned rows are found only by checking.',
  audit: {
    confidences: { B: 'the source has it', D: 'only the name of the column suggests it' },
    remedy:
      'Resolve orphaned rows first. Add the key NOT VALID, which takes a short lock, and validate it in a separate transaction.',
    unwritten: 'only a name suggests the reference; a person must decide whether it is one',
    blind: 'Without a source, only names suggest a reference, and most such columns have no key on purpose.',
    find: (evidence) => {
      const sure = findLost('missing-foreign-key', evidence);
      const known = new Set(sure.map(({ object }) => object));
      const likely = listLikelyReferences(evidence.target.catalog)
        .filter(({ comparable }) => comparable)
        .map(({ column, key }): Finding => {
          const object = formatPath(column.schema, column.table, column.name);
          const refersTo = formatPath(key.schema, key.table, key.name);
          return {
            confidence: 'D',
            object,
            message: `${object} appears to reference ${refersTo} but has no foreign key.`,
            evidence: [],
          };
        });
      return [...sure, ...likely.filter(({ object }) => !known.has(object))];
    },
  },
  catalog: {
    sql: `
SELECT format('%I.%I', r.nspname, r.relname) AS "table", quote_ident(r.attname) AS object,
  format('%I.%I.%I appears to reference %I.%I.%I but has no foreign key.', r.nspname, r.relname, r.attname,
    r.nspname, r.target, r.target_column) AS sentence
FROM (${LIKELY_REFERENCES_SQL}) AS r
WHERE r.same AND ${buildTableFilterSql('r.relname', 'r.attname')}
ORDER BY 1, 2`,
    rows: 'defect',
    blind:
      'It matches names: a column x_id and a table x or xs with a single-column primary key of a comparable type. ' +
      'It does not see references with other names.',
  },
  repair: (object) => ({
    words:
      'Find the orphaned rows first and resolve them. Add the key NOT VALID, which takes only a short lock and ' +
      'checks new rows, and validate it in a separate step. ON DELETE SET NULL needs a nullable column.',
    sql: [
      `SELECT ${object.column}, count(*) FROM ${object.table} WHERE ${object.column} NOT IN ` +
        `(SELECT ${object.detail ?? 'id'} FROM ${object.name}) GROUP BY ${object.column};`,
      `ALTER TABLE ${object.table} ADD FOREIGN KEY (${object.column}) ` +
        `REFERENCES ${object.name} (${object.detail ?? 'id'}) NOT VALID;`,
      `ALTER TABLE ${object.table} VALIDATE CONSTRAINT <name of the key>;`,
    ],
  }),
  verification: (object) =>
    `SELECT trueup.fk_ok(${quoteLiteral(object.table)}, ${quoteTextArray([object.column ?? ''])}, ` +
    `${quoteLiteral(object.name)}, ${quoteTextArray([object.detail ?? 'id'])})`,
  does: (effect, object) =>
    effect.kind === 'foreign key' &&
    isSameName(effect.table, object.table) &&
    isSameKeySet(effect.columns, object.columns)
      ? 'makes'
      : null,
  verifies: (check, object) => check.function === 'fk_ok' && checksColumns(check, object),
  example: {
    schema:
      'CREATE TABLE accounts (id bigint PRIMARY KEY);\n' +
      'CREATE TABLE appointments (id bigint PRIMARY KEY, account_id bigint);',
    statement: null,
    object: {
      table: 'public.appointments',
      column: 'account_id',
      columns: ['account_id'],
      name: 'public.accounts',
      detail: 'id',
    },
  },
};
