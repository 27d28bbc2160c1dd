-- A session begins before its customer is known, so lead_id may be null until the profile brings an e-mail or a phone.
-- No down: once a session has begun without a lead, NOT NULL cannot come back.

-- migrate:up
ALTER TABLE web_sessions ALTER COLUMN lead_id DROP NOT NULL;
ALTER TABLE whatsapp_sessions ALTER COLUMN lead_id DROP NOT NULL;
ALTER TABLE voice_sessions ALTER COLUMN lead_id DROP NOT NULL;
ALTER TABLE social_sessions ALTER COLUMN lead_id DROP NOT NULL;

COMMENT ON COLUMN web_sessions.lead_id IS
  'Null until the customer''s e-mail or phone is known: a session starts before that. Set by update_session_profile().';
COMMENT ON COLUMN whatsapp_sessions.lead_id IS
  'Null until the customer''s e-mail or phone is known: a session starts before that. Set by update_session_profile().';
COMMENT ON COLUMN voice_sessions.lead_id IS
  'Null until the customer''s e-mail or phone is known: a session starts before that. Set by update_session_profile().';
COMMENT ON COLUMN social_sessions.lead_id IS
  'Null until the customer''s e-mail or phone is known: a session starts before that. Set by update_session_profile().';

-- migrate:verify
SELECT trueup.col_is_null(t, 'lead_id')
FROM unnest('{web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t;
SELECT trueup.col_comment_is(t, 'lead_id',
  'Null until the customer''s e-mail or phone is known: a session starts before that. Set by update_session_profile().')
FROM unnest('{web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t;
