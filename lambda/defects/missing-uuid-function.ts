import { quoteLiteral } from '../postgres/quote';
import type { DefectKind } from './defect';
import { lastName, mentions } from './names';
import { UUID_FUNCTION } from './signatures';

/** Which extension brings a function that PostgreSQL 13 does not have built in. */
export const EXTENSION_OF = (name: string): string | null =>
  name.startsWith('uuid_generate_') ? 'uuid-ossp' : name === 'gen_random_uuid' ? 'pgcrypto' : null;

export const missingUuidFunction: DefectKind = {
  id: 'missing-uuid-function',
  title: 'A function that makes UUIDs does not exist',
  sqlstates: ['42883'],
  log: UUID_FUNCTION,
  impact: 'Every statement that calls it fails, and an INSERT that leaves its id to such a default does too.',
  origin:
    'The function came with an extension (uuid-ossp, pgcrypto) that was not made on this database, or that lies in a ' +
    'schema which is not on the search path of the role that calls it. gen_random_uuid() is built in from PostgreSQL ' +
    '13 on, uuidv4() and uuidv7() from 18 on.',
  catalogue: {
    sql: `
SELECT '' AS "table", wanted.name AS object,
  CASE WHEN count(p.oid) = 0 THEN format('There is no function %s.', wanted.name)
    ELSE format('There is %s.', string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid::regprocedure::text)) END AS sentence
FROM (VALUES ('gen_random_uuid'), ('uuid_generate_v4'), ('uuidv7')) AS wanted (name)
LEFT JOIN pg_proc p ON p.proname = wanted.name
WHERE $1::text IS NULL AND ($2::text IS NULL OR wanted.name = $2)
GROUP BY wanted.name
ORDER BY 2`,
    rows: 'evidence',
    blind: 'It shows which functions exist; which ones the application calls, only its statements say.',
  },
  repair: (object) => {
    const name = lastName(object.name ?? 'uuid_generate_v4');
    const extension = EXTENSION_OF(name);
    if (object.detail !== null)
      return {
        words: `The function lies in the schema ${object.detail}, which is not on the role's search path. Add it, or write the schema in front of the call.`,
        sql: [`ALTER ROLE <the application's role> SET search_path = "$user", public, ${object.detail};`],
      };
    if (extension === null)
      return {
        words: `${name}() is built in from PostgreSQL 18 on. Until then use gen_random_uuid(), or make a function of this name.`,
        sql: [],
      };
    return {
      words:
        `Make the extension that brings it, as a role that may; or use gen_random_uuid(), which is built in from ` +
        'PostgreSQL 13 on.',
      sql: [`CREATE EXTENSION IF NOT EXISTS "${extension}";`],
    };
  },
  verification: (object) =>
    `SELECT trueup.has_function(${quoteLiteral(object.name ?? 'uuid_generate_v4')}, '{}')`,
  covers: (migration, object) => {
    const name = lastName(object.name ?? '');
    const extension = EXTENSION_OF(name);
    const makes = (sql: string): boolean =>
      /\bcreate\s+(or\s+replace\s+)?(extension|function)\b/i.test(sql) &&
      (mentions(sql, name) || (extension !== null && mentions(sql, extension)));
    return (
      migration.statements.some(makes) ||
      migration.verify.some((sql) => /function/i.test(sql) && mentions(sql, name))
    );
  },
  example: {
    schema: '',
    statement: 'SELECT uuid_generate_v4()',
    object: { table: null, column: null, columns: [], name: 'uuid_generate_v4', detail: null },
  },
};
