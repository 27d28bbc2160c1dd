import type { Finding } from '../../audit/finding';
import { path } from '../../audit/names';
import { quoteLiteral, quoteTextArray } from '../../sql/quote';
import { LIKELY_REFERENCES, PARAMETERS_ON } from '../catalogue';
import type { DefectKind } from '../defect';
import { checksColumns, isSame, sameKeys } from '../effects';
import { likelyReferences } from '../keys';
import { lost } from '../lost';

export const missingForeignKey: DefectKind = {
  id: 'missing-foreign-key',
  title: 'A reference has no foreign key',
  sqlstates: [],
  log: null,
  impact: 'Rows refer to rows that do not exist, and a deleted row leaves its references behind.',
  origin:
    'The tables were created by a tool, or for a database, that does not enforce references, and the keys were ' +
    'never added. Nothing fails; the orphaned rows are found only when somebody looks.',
  audit: {
    grades: { B: 'the source has it', D: 'the name of the column alone suggests it' },
    remedy:
      'Settle orphaned rows first. Add the key NOT VALID, which takes a short lock, then validate it by itself.',
    unwritten: 'only a name suggests it; whether it is meant is for a person to decide',
    blind: 'Without a source only names suggest it, and most that look like it are meant to have no key.',
    find: (evidence) => {
      const sure = lost('missing-foreign-key', evidence);
      const known = new Set(sure.map(({ object }) => object));
      const likely = likelyReferences(evidence.target.catalogue)
        .filter(({ comparable }) => comparable)
        .map(({ column, key }): Finding => {
          const object = path(column.schema, column.table, column.name);
          const refersTo = path(key.schema, key.table, key.name);
          return {
            grade: 'D',
            object,
            message: `${object} appears to reference ${refersTo} but has no foreign key.`,
            evidence: [],
          };
        });
      return [...sure, ...likely.filter(({ object }) => !known.has(object))];
    },
  },
  catalogue: {
    sql: `
SELECT format('%I.%I', r.nspname, r.relname) AS "table", quote_ident(r.attname) AS object,
  format('%I.%I.%I appears to reference %I.%I.%I but has no foreign key.', r.nspname, r.relname, r.attname,
    r.nspname, r.target, r.target_column) AS sentence
FROM (${LIKELY_REFERENCES}) AS r
WHERE r.same AND ${PARAMETERS_ON('r.relname', 'r.attname')}
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
    isSame(effect.table, object.table) &&
    sameKeys(effect.columns, object.columns)
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
