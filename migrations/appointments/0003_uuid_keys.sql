-- Makes every key that names an account, a user or a service a uuid. uuid and varchar can neither be compared (42883)
-- nor joined by a foreign key (42804), and SQLite's ids, 32 digits without dashes, equal uuid's spelling only as uuid.
--
-- All in one transaction, since columns that are still varchar could not be joined to columns that already are uuid.
-- The tables are locked while the varchar ones are rewritten: choose a quiet minute. Nothing happens to columns that are
-- uuid already. There is no down: how each id was spelled is not kept.

-- migrate:consent rewrites the varchar keys become uuid, 16 bytes each; the tables are closed for that time
-- migrate:consent destroys the spelling of the ids, not their value
-- migrate:settings lock-timeout=1s statement-timeout=30s

-- migrate:preflight
-- Ids that uuid cannot read. Change or delete these rows, and those that refer to them.
SELECT format('Values of %s that are no UUIDs: %s, e.g. in the rows with the ids %s', col, count(*),
  array_to_string((array_agg(row_id ORDER BY row_id))[1:5], ', '))
FROM (
  SELECT 'accounts.id', id::text, id::text FROM accounts
  UNION ALL SELECT 'users.id', id::text, id::text FROM users
  UNION ALL SELECT 'users.account_id', id::text, account_id::text FROM users
  UNION ALL SELECT 'services.account_id', id::text, account_id::text FROM services
  UNION ALL SELECT 'appointments.account_id', id::text, account_id::text FROM appointments
  UNION ALL SELECT 'appointments.appointment_type', id::text, appointment_type::text FROM appointments
  UNION ALL SELECT 'availability_configs.account_id', id::text, account_id::text FROM availability_configs
  UNION ALL SELECT 'blackout_dates.account_id', id::text, account_id::text FROM blackout_dates
  UNION ALL SELECT 'test_chat_sessions.account_id', id::text, account_id::text FROM test_chat_sessions
) AS keys (col, row_id, value)
WHERE value !~* '^(([0-9a-f]{4}-?){7}[0-9a-f]{4}|\{([0-9a-f]{4}-?){7}[0-9a-f]{4}\})$'
GROUP BY col;

-- Two spellings of one id, with and without dashes or braces, in upper and lower case: as uuid they are one. Merge these
-- rows.
SELECT format('Ids of %s in more than one spelling: %s, e.g. %s', tab, count(*),
  array_to_string((array_agg(spellings ORDER BY spellings))[1:2], ', '))
FROM (
  SELECT tab, string_agg(id, ' = ' ORDER BY id) FROM (
    SELECT 'accounts', id::text FROM accounts UNION ALL SELECT 'users', id::text FROM users
  ) AS ids (tab, id)
  GROUP BY tab, lower(translate(id, '-{}', '')) HAVING count(*) > 1
) AS collisions (tab, spellings)
GROUP BY tab;

-- A foreign key between varchar columns stands in the way of the change. The one that is known is put back below.
SELECT format('Foreign key %I of %s is over keys that change their type: drop it, and add it again afterwards',
  c.conname, c.conrelid::regclass)
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = c.confkey[1]
WHERE c.contype = 'f' AND c.confrelid IN ('accounts'::regclass, 'users'::regclass) AND a.atttypid <> 'uuid'::regtype
  AND NOT (c.conrelid = 'users'::regclass AND c.conname = 'users_account_id_foreign'
    AND pg_get_constraintdef(c.oid) = 'FOREIGN KEY (account_id) REFERENCES accounts(id)');

-- A default of a varchar key is not converted with it (42804).
SELECT format('The default of %s.%I, %s, does not become uuid with it: drop it, and set one afterwards, e.g. gen_random_uuid()',
  t, c, pg_get_expr(d.adbin, d.adrelid))
FROM (
  SELECT t, 'id' FROM unnest('{accounts, users}'::regclass[]) AS t
  UNION ALL SELECT t, 'account_id'
    FROM unnest('{users, services, appointments, availability_configs, blackout_dates, test_chat_sessions}'::regclass[]) AS t
  UNION ALL SELECT 'appointments', 'appointment_type'
) AS keys (t, c) JOIN pg_attribute a ON a.attrelid = t AND a.attname = c
  JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.atttypid <> 'uuid'::regtype;

-- What is defined over a column forbids a new type, be it the same one (0A000).
SELECT format('%s is defined over %s, whose type cannot change under it: drop it, and create it again afterwards',
  upper(left(object, 1)) || substr(object, 2), string_agg(format('%s.%I', t, c), ', ' ORDER BY t::text, c))
FROM (
  SELECT t, 'id' FROM unnest('{accounts, users}'::regclass[]) AS t
  UNION ALL SELECT t, 'account_id'
    FROM unnest('{users, services, appointments, availability_configs, blackout_dates, test_chat_sessions}'::regclass[]) AS t
  UNION ALL SELECT 'appointments', 'appointment_type'
) AS keys (t, c) JOIN pg_attribute a ON a.attrelid = t AND a.attname = c
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid,
  -- A view is the rule _RETURN. A generated column is a default over other columns, or, in older releases, a column.
  LATERAL (SELECT CASE WHEN r.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, r.ev_class, 0)
    WHEN f.oid IS NOT NULL THEN pg_describe_object('pg_class'::regclass, f.adrelid, f.adnum)
    ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END) AS dependent (object)
WHERE d.classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass,
    'pg_publication_rel'::regclass)
  OR f.adrelid = a.attrelid AND f.adnum <> a.attnum
  OR d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid > 0
GROUP BY object;

-- migrate:up
ALTER TABLE users DROP CONSTRAINT IF EXISTS users_account_id_foreign;
ALTER TABLE accounts ALTER COLUMN id TYPE uuid USING id::uuid;
ALTER TABLE users ALTER COLUMN id TYPE uuid USING id::uuid, ALTER COLUMN account_id TYPE uuid USING account_id::uuid;
ALTER TABLE services ALTER COLUMN account_id TYPE uuid USING account_id::uuid;
ALTER TABLE appointments
  ALTER COLUMN account_id TYPE uuid USING account_id::uuid,
  ALTER COLUMN appointment_type TYPE uuid USING appointment_type::uuid;
ALTER TABLE availability_configs ALTER COLUMN account_id TYPE uuid USING account_id::uuid;
ALTER TABLE blackout_dates ALTER COLUMN account_id TYPE uuid USING account_id::uuid;
ALTER TABLE test_chat_sessions ALTER COLUMN account_id TYPE uuid USING account_id::uuid;
-- Checked at once: the table is locked and freshly rewritten anyway.
ALTER TABLE users ADD CONSTRAINT users_account_id_foreign FOREIGN KEY (account_id) REFERENCES accounts (id);

-- migrate:verify
SELECT trueup.col_type_is(t, 'id', 'uuid') FROM unnest('{accounts, users}'::text[]) AS t;
SELECT trueup.col_type_is(t, 'account_id', 'uuid')
FROM unnest('{users, services, appointments, availability_configs, blackout_dates, test_chat_sessions}'::text[]) AS t;
SELECT trueup.col_type_is('appointments', 'appointment_type', 'uuid');
SELECT trueup.fk_ok('users', '{account_id}', 'accounts', '{id}');
