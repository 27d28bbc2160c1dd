import type { DefectCase } from './case';

export const missingUuidFunction: readonly DefectCase[] = [
  {
    name: 'the extension is not made',
    schema: 'DROP EXTENSION IF EXISTS "uuid-ossp"',
    failing: 'SELECT uuid_generate_v4()',
    case: 'absent',
    verdict: 'schema',
    repair: 'works',
  },
  {
    name: 'the extension lies in a schema that the role does not look into',
    schema:
      'DROP EXTENSION IF EXISTS "uuid-ossp";\nCREATE SCHEMA extensions;\nCREATE EXTENSION "uuid-ossp" SCHEMA extensions',
    failing: 'SELECT uuid_generate_v4()',
    case: 'other-schema',
    verdict: 'schema',
    says: /extensions\.uuid_generate_v4\(\) exists, but its schema is not on the search path of postgres/,
    repair: 'decides',
    instead: 'SELECT extensions.uuid_generate_v4()',
    sql: false,
  },
  ...["''", 'pg_catalog'].map(
    (path): DefectCase => ({
      name: `a function with the search path ${path} calls it by its bare name`,
      schema: `DROP EXTENSION IF EXISTS "uuid-ossp";\nCREATE SCHEMA extensions;\nCREATE EXTENSION "uuid-ossp" SCHEMA extensions;\nCREATE FUNCTION make() RETURNS uuid LANGUAGE plpgsql SET search_path = ${path} AS $$ BEGIN RETURN uuid_generate_v4(); END $$`,
      failing: 'SELECT make()',
      case: 'function-path',
      verdict: 'schema',
      says: /The function public\.make names uuid_generate_v4 and sets its own search path.*extensions\.uuid_generate_v4\(\)/,
      saysNot: /add it to the search path/,
      repair: 'decides',
      sql: false,
    }),
  ),
  ...(
    [
      ["''", '/* uuid_generate_v4() */ extensions.uuid_generate_v4()'],
      ['public, extensions', 'uuid_generate_v4()'],
    ] as const
  ).map(
    ([path, call]): DefectCase => ({
      name: `not the function with the search path ${path} that calls ${call}`,
      schema: `DROP EXTENSION IF EXISTS "uuid-ossp";\nCREATE SCHEMA extensions;\nCREATE EXTENSION "uuid-ossp" SCHEMA extensions;\nCREATE FUNCTION make() RETURNS uuid LANGUAGE plpgsql SET search_path = ${path} AS $$ BEGIN RETURN ${call}; END $$`,
      failing: 'SELECT uuid_generate_v4()',
      case: 'other-schema',
      verdict: 'schema',
      saysNot: /make/,
      repair: 'decides',
      sql: false,
    }),
  ),
  {
    name: 'a function with a path of its own whose call was given its schema since',
    schema:
      'DROP EXTENSION IF EXISTS "uuid-ossp";\nCREATE EXTENSION "uuid-ossp" SCHEMA public;\nCREATE FUNCTION make() RETURNS uuid LANGUAGE plpgsql SET search_path = \'\' AS $$ BEGIN RETURN uuid_generate_v4(); END $$',
    failing: 'SELECT make()',
    since:
      "CREATE OR REPLACE FUNCTION make() RETURNS uuid LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN RETURN public.uuid_generate_v4(); END $$",
    case: 'not-reproduced',
    verdict: 'not-reproduced',
    repair: 'rewrites',
  },
  {
    name: 'a function that only newer servers have',
    schema: 'SELECT 1',
    failing: 'SELECT uuidv7()',
    to: 17,
    case: 'absent',
    verdict: 'schema',
    says: /built in since PostgreSQL 18/,
    repair: 'rewrites',
  },
  {
    name: 'made since',
    schema: 'DROP EXTENSION IF EXISTS "uuid-ossp"',
    failing: 'SELECT uuid_generate_v4()',
    since: 'CREATE EXTENSION "uuid-ossp"',
    case: 'not-reproduced',
    verdict: 'not-reproduced',
    says: /catalog keeps no timestamps/,
    repair: 'rewrites',
  },
];
