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
    says: /catalogue keeps no timestamps/,
    repair: 'rewrites',
  },
];
