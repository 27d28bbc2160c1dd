-- Records a paid course: one active purchase, however often and from wherever the payment is reported.
--
--   SELECT * FROM record_purchase(student, course, payment);    purchase_id, and whether this call created it
--
-- With the unique index of 0002 this is one INSERT … ON CONFLICT. Without it (not there yet, INVALID, dropped by hand)
-- the purchase still succeeds, the transaction goes on, and the server's log gets a WARNING: calls for the same student
-- and course then wait for each other, look, and insert.
--
-- While 0002 stops at duplicates, this file has not been applied; it can be run by hand, with psql -f. For a client that
-- asks for the index by itself, and keeps the answer for five minutes, see docs/incidents.md.

-- migrate:up
CREATE OR REPLACE FUNCTION record_purchase(
  p_student_id uuid, p_course_id uuid, p_payment_id text DEFAULT NULL, OUT purchase_id uuid, OUT created boolean)
LANGUAGE plpgsql AS $$
BEGIN
  FOR attempt IN 1 .. 3 LOOP
    BEGIN
      INSERT INTO student_course_purchases (student_id, course_id, payment_id)
      VALUES (p_student_id, p_course_id, p_payment_id)
      ON CONFLICT (student_id, course_id) WHERE is_active DO NOTHING
      RETURNING id INTO purchase_id;
    EXCEPTION WHEN invalid_column_reference THEN -- 42P10; only this block is rolled back, not the transaction
      RAISE WARNING 'student_course_purchases has no valid unique index on (student_id, course_id) WHERE is_active'
        USING HINT = 'Deploy the migration 0002_one_active_purchase.';
      -- A snapshot from before the wait would not show the purchase that the other call has recorded.
      IF current_setting('transaction_isolation') = 'repeatable read' THEN
        RAISE EXCEPTION 'record_purchase() needs READ COMMITTED or SERIALIZABLE while its index is missing'
          USING ERRCODE = 'feature_not_supported';
      END IF;
      PERFORM pg_advisory_xact_lock(hashtextextended(format('record_purchase/%s/%s', p_student_id, p_course_id), 0));
      BEGIN
        INSERT INTO student_course_purchases (student_id, course_id, payment_id)
        SELECT p_student_id, p_course_id, p_payment_id
        WHERE NOT EXISTS (SELECT FROM student_course_purchases p
                          WHERE p.student_id = p_student_id AND p.course_id = p_course_id AND p.is_active)
        RETURNING id INTO purchase_id;
      EXCEPTION WHEN unique_violation THEN
        -- An index that is being built, or INVALID, refuses duplicates already. Any other is an error of its own.
        IF NOT EXISTS (SELECT FROM student_course_purchases p
                       WHERE p.student_id = p_student_id AND p.course_id = p_course_id AND p.is_active) THEN
          RAISE;
        END IF;
      END;
    END;
    created := purchase_id IS NOT NULL;
    IF created THEN
      RETURN;
    END IF;
    SELECT p.id INTO purchase_id FROM student_course_purchases p
    WHERE p.student_id = p_student_id AND p.course_id = p_course_id AND p.is_active
    ORDER BY p.purchased_at, p.id LIMIT 1;
    IF purchase_id IS NOT NULL THEN
      RETURN;
    END IF;
    -- The purchase in our way was ended in between. Then this one is due.
  END LOOP;
  RAISE EXCEPTION 'An active purchase is in the way, and this role does not see it' USING ERRCODE = 'unique_violation';
END
$$;

-- migrate:verify
SELECT trueup.function_returns('record_purchase', '{uuid, uuid, text}', 'record');
