/** What `trueup new` writes. Every line is a comment, so an unfinished file is refused and not applied. */

export const VERSIONED_TEMPLATE = `-- Say in a sentence what this is for: it is what people read first.

-- migrate:preflight
-- Optional. Queries that return the reasons why \`up\` cannot work on this data, one sentence a row; none means go.
-- SELECT format('%s customers share an e-mail', count(*)) FROM ... HAVING count(*) > 0;

-- migrate:up
-- What changes. It runs in a transaction where PostgreSQL allows it, and one transaction a statement where not
-- (CREATE INDEX CONCURRENTLY). No BEGIN, COMMIT or SET is needed.
-- ALTER TABLE customers ALTER COLUMN id SET DEFAULT gen_random_uuid();

-- migrate:verify
-- The proof: queries that return what is still wrong, one sentence a row; none means proved. They run before the
-- commit, and again with every \`trueup verify\`. Functions in schema trueup write the usual ones in a line.
-- SELECT trueup.col_default_is('customers', 'id', 'gen_random_uuid()');

-- migrate:down
-- Optional. What undoes it, for \`trueup down\` and for a deployment that is rolled back.
-- ALTER TABLE customers ALTER COLUMN id DROP DEFAULT;
`;

export const REPEATABLE_TEMPLATE = `-- Say in a sentence what this is for. This file is applied again whenever its text changes.

-- migrate:up
-- CREATE OR REPLACE FUNCTION customer_name(customer uuid) RETURNS text ...;

-- migrate:verify
-- The proof: queries that return what is still wrong, one sentence a row; none means proved.
-- SELECT trueup.has_function('customer_name', ARRAY['uuid']);
`;
