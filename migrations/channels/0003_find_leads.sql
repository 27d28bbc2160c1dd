-- ensure_all_leads() finds a lead by e-mail and by phone, whatever their spelling; these are the indexes it uses.
--
-- They are not unique: leads that exist twice would stop the build, and which of two is the right one only a person can
-- say. ensure_all_leads() makes no second lead all the same, see there.

-- migrate:up
CREATE INDEX CONCURRENTLY all_leads_email_key ON all_leads (lower(btrim(email)));
CREATE INDEX CONCURRENTLY all_leads_phone_key ON all_leads (ltrim(regexp_replace(phone, '[^0-9]', '', 'g'), '0'));

-- migrate:verify
SELECT trueup.is_indexed('all_leads', ARRAY['lower(btrim(email))']);
SELECT trueup.is_indexed('all_leads', ARRAY['ltrim(regexp_replace(phone, ''[^0-9]'', '''', ''g''), ''0'')']);

-- migrate:down
DROP INDEX CONCURRENTLY all_leads_phone_key;
DROP INDEX CONCURRENTLY all_leads_email_key;
