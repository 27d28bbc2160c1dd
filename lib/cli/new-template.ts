/** What `trueup new` writes. Its sections hold comments only, so a file that is not filled in is refused. */

const VERIFY = `-- migrate:verify
-- The checks: queries that return what is still wrong, one sentence a row; no row means verified. They run before the
-- commit, and again with every \`trueup verify\`. Functions in schema trueup say the usual things in one line.`;

export const VERSIONED_TEMPLATE = `-- Say here what this is for, in a sentence: people read it first.

-- migrate:up
-- What changes. BEGIN and COMMIT are not needed: it runs in one transaction as far as PostgreSQL allows, and
-- CREATE INDEX CONCURRENTLY and its like outside of one.
-- ALTER TABLE customers ALTER COLUMN id SET DEFAULT gen_random_uuid();

${VERIFY}
-- SELECT trueup.col_default_is('customers', 'id', 'gen_random_uuid()');

-- Two more sections are optional. What undoes it, for \`trueup down\` and a deployment that is rolled back:
--   -- migrate:down
--   ALTER TABLE customers ALTER COLUMN id DROP DEFAULT;
-- And queries that return the reasons why this cannot work on the data as it is, one sentence a row:
--   -- migrate:preflight
--   SELECT format('%s customers share an e-mail', count(*)) FROM ... HAVING count(*) > 0;
`;

export const REPEATABLE_TEMPLATE = `-- Say here what this is for, in a sentence. This file is applied again whenever its text changes.

-- migrate:up
-- CREATE OR REPLACE FUNCTION customer_name(customer uuid) RETURNS text ...;

${VERIFY}
-- SELECT trueup.has_function('customer_name', ARRAY['uuid']);
`;
