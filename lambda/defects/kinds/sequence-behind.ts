import { behindSource } from '../behind';
import { PARAMETERS_ON } from '../catalogue';
import type { DefectKind } from '../defect';
import { repairBy } from '../diagnosis/finding';
import { catchUp } from '../repair/id-default';
import { LOOKAHEAD, SEQUENCES } from '../sequences';
import { DUPLICATE_KEY } from '../signatures/duplicate-key';

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
    grades: {
      A: 'one of the next 100 values is in the column already',
      B: 'the sequence of the source has come further',
    },
    remedy: 'setval above the highest value of the column, or to where the source stands.',
    blind:
      'Rows are asked in columns that are unique by themselves, where the role may read them and no row security is on. ' +
      'Positions are not seen without rights on the sequence.',
    find: behindSource,
  },
  catalogue: {
    sql: `
SELECT r."table", r."column" AS object,
  format('%s is behind %s.%s: one of its next values is already taken.', r.sequence, r."table", r."column") AS sentence
FROM (${SEQUENCES}) AS r
WHERE r.taken AND ${PARAMETERS_ON('r.relname', 'r.attname')}
ORDER BY 1, 2`,
    rows: 'defect',
    blind:
      `It checks whether one of the next ${LOOKAHEAD} values is taken, in columns that are unique by themselves. ` +
      'It leaves out ' +
      'tables with row-level security and tables that the role may not read. It looks up each table by its index ' +
      'and holds an ' +
      'ACCESS SHARE lock on it until the query ends: with thousands of tables, name them one by one, as the drift check does.',
  },
  repair: ({ table, column, name }) =>
    table === null || column === null || name === null
      ? repairBy('Set the sequence above the highest id.')
      : catchUp([{ table, column }], { sql: name, increment: 1 }),
  verification: ({ table, column, name }) =>
    `SELECT 'the sequence is behind' FROM ${table} HAVING max(${column}) > (SELECT last_value FROM ${name})`,
  // A sequence's value is data: no statement of a migration sets it in a way that can be read from its text.
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
