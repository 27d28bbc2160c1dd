import { quoteLiteral } from '../../sql/quote';
import { listAttributedFindings } from '../attributed-findings';
import type { DefectKind } from '../defect';
import { makeManualDecision } from '../diagnosis/finding';
import { readArgument } from '../effects';
import { UUID_FUNCTION } from '../signatures/uuid-function';
import { extractUnqualifiedName } from '../unqualified-name';

/** Returns the extension that provides a function if PostgreSQL 13 does not have it built in. */
export const findUuidExtension = (name: string): string | null =>
  name.startsWith('uuid_generate_') ? 'uuid-ossp' : name === 'gen_random_uuid' ? 'pgcrypto' : null;

export const missingUuidFunction: DefectKind = {
  id: 'missing-uuid-function',
  title: 'A function that generates UUIDs does not exist',
  sqlstates: ['42883'],
  log: UUID_FUNCTION,
  impact:
    'Every statement that calls it fails, and so does an INSERT that leaves the id to a default that calls it.',
  origin:
    'The function comes with an extension (uuid-ossp, pgcrypto) that was not created in this database, or whose ' +
    'schema is not on the search path of the role that calls the function. gen_random_uuid() is built in since ' +
    'PostgreSQL 13, uuidv4() and uuidv7() since 18.',
  audit: {
    confidences: { A: 'a statement of the workload fails with 42883' },
    remedy:
      'Create the extension that provides it, or call gen_random_uuid(), which is built in since PostgreSQL 13.',
    blind: 'Calls inside functions.',
    find: (evidence) => listAttributedFindings('missing-uuid-function', evidence),
  },
  catalog: {
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
    blind:
      'It shows which functions exist. Which ones the application calls can be seen only in its statements.',
  },
  repair: (object) => {
    const name = extractUnqualifiedName(object.name ?? 'uuid_generate_v4');
    const extension = findUuidExtension(name);
    if (object.detail !== null)
      return makeManualDecision(
        `The function is in the schema ${object.detail}, which is not on the role's search path. Qualify the call ` +
          'with the schema, or add it to the search path that the application sets: ALTER ROLE … SET search_path ' +
          'replaces the whole path.',
      );
    if (extension === null)
      return {
        words: `${name}() is built in since PostgreSQL 18. On older servers use gen_random_uuid(), or create a function with this name.`,
        sql: [],
      };
    return {
      words:
        'Create the extension that provides it, as a role that is allowed to; or use gen_random_uuid(), which is built ' +
        'in since PostgreSQL 13.',
      sql: [`CREATE EXTENSION IF NOT EXISTS "${extension}";`],
    };
  },
  verification: (object) =>
    `SELECT trueup.has_function(${quoteLiteral(object.name ?? 'uuid_generate_v4')}, '{}')`,
  does: (effect, object) => {
    const extension = findUuidExtension(object.name ?? '');
    if (effect.kind === 'extension') return effect.name === extension ? 'makes' : null;
    if (effect.kind === 'drop extension') return effect.name === extension ? 'takes-away' : null;
    if (effect.kind === 'function') return effect.function.name === object.name ? 'makes' : null;
    return effect.kind === 'drop function' && effect.function.name === object.name ? 'takes-away' : null;
  },
  verifies: (check, object) => {
    const name = readArgument(check, 0, 'function_name');
    return (
      check.function === 'has_function' &&
      typeof name === 'string' &&
      extractUnqualifiedName(name) === object.name
    );
  },
  example: {
    schema: '',
    statement: 'SELECT uuid_generate_v4()',
    object: { table: null, column: null, columns: [], name: 'uuid_generate_v4', detail: null },
  },
};
