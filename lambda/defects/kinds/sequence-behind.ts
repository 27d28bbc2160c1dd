import { buildTableFilterSql } from '../catalog';
import type { DefectKind } from '../defect';
import { makeRepair } from '../diagnosis/finding';
import { buildCatchUpRepair } from '../repair/id-default';
import { LOOKAHEAD_VALUES, SEQUENCE_STATUS_SQL } from '../sequence-status';
import { DUPLICATE_KEY } from '../signatures/duplicate-key';
import { compareWithSourceSequences } from '../source-sequences';

export const sequenceBehind: DefectKind = {
  id: 'sequence-behind',
  title: 'A sequence is behind the ids of its table',
  sqlstates: ['23505'],
  log: DUPLICATE_KEY,
  impact:
    'An INSERT that leaves the id to the database fails with a duplicate key, again and again, until the sequence ' +
    'has passed the existing ids.',
  origin:
    'Rows were copied with their ids, by a data-only dump, a replication task or an import, and the sequence was ' +
    'not advanced. The same moves also lose defaults and indexes.',
  audit: {
    confidences: {
      A: 'the column already contains one of the next 100 values',
      B: 'the sequence of the source is ahead',
    },
    remedy: 'setval above the highest value of the column, or to the position of the source.',
    blind:
      'Rows are checked in columns with a single-column unique index, if the role may read them and no row security applies. ' +
      'Positions cannot be read without the privilege SELECT or USAGE on the sequence.',
    find: compareWithSourceSequences,
  },
  catalog: {
    sql: `
SELECT r."table", r."column" AS object,
  format('%s is behind %s.%s: one of its next values is already taken.', r.sequence, r."table", r."column") AS sentence
FROM (${SEQUENCE_STATUS_SQL}) AS r
WHERE r.taken AND ${buildTableFilterSql('r.relname', 'r.attname')}
ORDER BY 1, 2`,
    rows: 'defect',
    blind:
      `It checks whether one of the next ${LOOKAHEAD_VALUES} values is taken, in columns with a single-column unique index. ` +
      'It leaves out ' +
      'tables with row-level security and tables that the role may not read. It looks up each table by its index ' +
      'and holds an ' +
      'ACCESS SHARE lock on it until the query ends: with thousands of tables, name them one by one, as the drift check does.',
  },
  repair: ({ table, column, name }) =>
    table === null || column === null || name === null
      ? makeRepair('Set the sequence above the highest id.')
      : buildCatchUpRepair([{ table, column }], { sql: name, increment: 1 }),
  verification: ({ table, column, name }) =>
    `SELECT 'the sequence is behind' FROM ${table} HAVING max(${column}) > (SELECT last_value FROM ${name})`,
  // The value of a sequence is data: the text of a migration does not reliably show a statement that sets it.
  does: () => null,
  verifies: () => false,
  example: {
    schema:
      'CREATE TABLE invoices (id bigserial PRIMARY KEY, amount integer);\n' +
      'INSERT INTO invoices (id, amount) VALUES (1, 10), (2, 20), (3, 30);',
    statement: 'INSERT INTO invoices (amount) VALUES (40)',
    object: {
      table: 'public.invoices',
      column: 'id',
      columns: ['id'],
      name: 'public.invoices_id_seq',
      detail: 'bigint',
    },
  },
};
