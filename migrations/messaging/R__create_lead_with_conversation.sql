-- Creates a lead and its conversation: both or neither, in one round trip.
--
--   {"success": true, "lead_id": …, "conversation_id": …}
--   {"success": false, "error": …, "sqlstate": …}       nothing was written, and the caller's transaction goes on
--
-- It creates, it does not search: two calls are two leads with a conversation each, also when they run at once. Drop a
-- message that a webhook delivers twice by its message id, before this call. A deadlock or a serialization failure is
-- raised, not returned: the caller has to repeat its transaction then. The error names objects and no DETAIL, so no rows.

-- migrate:up
CREATE OR REPLACE FUNCTION create_lead_with_conversation(
  p_user_id uuid, p_customer_phone text, p_customer_name text, p_lead_type text, p_details text DEFAULT NULL,
  p_conversation_status text DEFAULT 'active', p_lead_status text DEFAULT 'new')
RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  new_conversation uuid;
  new_lead uuid;
BEGIN
  INSERT INTO conversations (user_id, customer_phone, customer_name, status)
  VALUES (p_user_id, p_customer_phone, p_customer_name, p_conversation_status)
  RETURNING id INTO new_conversation;

  INSERT INTO leads (user_id, conversation_id, customer_phone, customer_name, type, details, status)
  VALUES (p_user_id, new_conversation, p_customer_phone, p_customer_name, p_lead_type, p_details, p_lead_status)
  RETURNING id INTO new_lead;

  RETURN json_build_object('success', true, 'lead_id', new_lead, 'conversation_id', new_conversation);
EXCEPTION
  WHEN transaction_rollback THEN
    RAISE;
  WHEN OTHERS THEN -- entering this handler has undone both inserts
    RETURN json_build_object('success', false, 'error', SQLERRM, 'sqlstate', SQLSTATE);
END
$$;

-- migrate:verify
SELECT trueup.function_returns('create_lead_with_conversation', '{uuid, text, text, text, text, text, text}', 'json');
