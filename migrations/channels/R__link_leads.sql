-- Links a session of any channel to its lead, as soon as an e-mail or a phone is known.
--
--   SELECT update_session_profile('web', session, p_name => …);     returns null: nothing identifies the customer yet
--   SELECT update_session_profile('web', session, p_email => …);    returns the lead, made or found, and links it
--
-- What counts as the same customer: the same e-mail, without regard to case and surrounding blanks; else the same
-- phone, by its digits without leading zeros (+48 600 … and 0048600… are one; a number without its country is another).
-- The e-mail decides where the two lead to different leads. A lead is completed, never overwritten. A session whose lead
-- was deleted has none, and gets one at its next call.
--
-- Called twice, nothing changes. Called at once, from any channels, there is one lead: calls with the same e-mail or
-- phone wait for each other, e-mail first and then phone, so that they cannot wait in a circle.

-- migrate:up
CREATE OR REPLACE FUNCTION session_table(p_channel text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF p_channel IN ('web', 'whatsapp', 'voice', 'social') THEN
    RETURN p_channel || '_sessions';
  END IF;
  RAISE EXCEPTION 'There is no such channel: use web, whatsapp, voice or social' USING ERRCODE = 'invalid_parameter_value';
END
$$;

CREATE OR REPLACE FUNCTION ensure_all_leads(p_channel text, p_session_id uuid) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
  profile record;
  email_key text;
  phone_key text;
  lead uuid;
BEGIN
  -- A snapshot from before the wait below would not show the lead that the other call has made.
  IF current_setting('transaction_isolation') = 'repeatable read' THEN
    RAISE EXCEPTION 'ensure_all_leads() needs READ COMMITTED or SERIALIZABLE' USING ERRCODE = 'feature_not_supported';
  END IF;

  EXECUTE format(
    'SELECT id, lead_id, nullif(btrim(customer_name), '''') AS name, nullif(btrim(customer_email), '''') AS email,
       nullif(btrim(customer_phone), '''') AS phone
     FROM %I WHERE id = $1 FOR NO KEY UPDATE', session_table(p_channel)) INTO profile USING p_session_id;
  IF profile.id IS NULL THEN
    RAISE EXCEPTION 'There is no such % session', p_channel USING ERRCODE = 'no_data_found';
  END IF;
  email_key := lower(profile.email);
  phone_key := nullif(ltrim(regexp_replace(profile.phone, '[^0-9]', '', 'g'), '0'), '');
  lead := profile.lead_id;

  IF lead IS NULL THEN
    IF email_key IS NULL AND phone_key IS NULL THEN
      RETURN NULL;
    END IF;
    IF email_key IS NOT NULL THEN
      PERFORM pg_advisory_xact_lock(hashtextextended('all_leads/email/' || email_key, 0));
    END IF;
    IF phone_key IS NOT NULL THEN
      PERFORM pg_advisory_xact_lock(hashtextextended('all_leads/phone/' || phone_key, 0));
    END IF;
    -- FOR KEY SHARE: the lead cannot be deleted before the session refers to it.
    SELECT l.id INTO lead FROM all_leads l
    WHERE lower(btrim(l.email)) = email_key ORDER BY l.created_at, l.id LIMIT 1 FOR KEY SHARE;
    IF lead IS NULL THEN
      SELECT l.id INTO lead FROM all_leads l
      WHERE ltrim(regexp_replace(l.phone, '[^0-9]', '', 'g'), '0') = phone_key
      ORDER BY l.created_at, l.id LIMIT 1 FOR KEY SHARE;
    END IF;
    IF lead IS NULL THEN
      INSERT INTO all_leads (name, email, phone) VALUES (profile.name, profile.email, profile.phone) RETURNING id INTO lead;
    END IF;
    EXECUTE format('UPDATE %I SET lead_id = $1, updated_at = now() WHERE id = $2', session_table(p_channel))
      USING lead, p_session_id;
  END IF;

  UPDATE all_leads l
  SET name = coalesce(l.name, profile.name), email = coalesce(l.email, profile.email),
    phone = coalesce(l.phone, profile.phone)
  WHERE l.id = lead
    AND (l.name IS NULL AND profile.name IS NOT NULL OR l.email IS NULL AND profile.email IS NOT NULL
      OR l.phone IS NULL AND profile.phone IS NOT NULL);
  RETURN lead;
END
$$;

-- Null or blank arguments leave what the session already knows.
CREATE OR REPLACE FUNCTION update_session_profile(
  p_channel text, p_session_id uuid, p_name text DEFAULT NULL, p_email text DEFAULT NULL, p_phone text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    'UPDATE %I SET
       customer_name = coalesce(nullif(btrim($2), ''''), customer_name),
       customer_email = coalesce(nullif(btrim($3), ''''), customer_email),
       customer_phone = coalesce(nullif(btrim($4), ''''), customer_phone),
       updated_at = now()
     WHERE id = $1', session_table(p_channel)) USING p_session_id, p_name, p_email, p_phone;
  RETURN ensure_all_leads(p_channel, p_session_id);
END
$$;

-- migrate:verify
SELECT trueup.function_returns('session_table', '{text}', 'text');
SELECT trueup.function_returns('ensure_all_leads', '{text, uuid}', 'uuid');
SELECT trueup.function_returns('update_session_profile', '{text, uuid, text, text, text}', 'uuid');
