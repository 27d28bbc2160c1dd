-- Gives five tables a default for their ids: without it every booking fails with 23502 and is lost.
--
-- gen_random_uuid() is part of PostgreSQL from 13 on, so pgcrypto, which a migrator may not be allowed to create, is not
-- needed. There is no down: nothing works better without the defaults.

-- migrate:up
ALTER TABLE appointments ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE services ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE bot_configs ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE availability_configs ALTER COLUMN id SET DEFAULT gen_random_uuid();
ALTER TABLE blackout_dates ALTER COLUMN id SET DEFAULT gen_random_uuid();

-- migrate:verify
SELECT trueup.col_default_generates_uuid(t, 'id')
FROM unnest('{appointments, services, bot_configs, availability_configs, blackout_dates}'::text[]) AS t;
