-- The course shop as it was found: nothing in the database stops a course from being bought twice, so ON CONFLICT has
-- nothing to hold on to. A table that exists already is left as it is; the preflight says what later files would miss.

-- migrate:preflight
SELECT problem FROM (
  SELECT trueup.col_type_is('student_course_purchases', 'id', 'uuid')
  UNION SELECT trueup.col_default_generates_uuid('student_course_purchases', 'id')
) AS id (problem)
WHERE to_regclass('student_course_purchases') IS NOT NULL;
SELECT trueup.col_type_is('student_course_purchases', c, 'uuid') FROM unnest('{student_id, course_id}'::text[]) AS c
WHERE to_regclass('student_course_purchases') IS NOT NULL;
-- A purchase whose is_active is null lies outside the unique index of 0002, and could be made twice.
SELECT problem FROM (
  SELECT trueup.col_type_is('student_course_purchases', 'is_active', 'boolean')
  UNION SELECT trueup.col_default_is('student_course_purchases', 'is_active', 'true')
  UNION SELECT trueup.col_not_null('student_course_purchases', 'is_active')
) AS is_active (problem)
WHERE to_regclass('student_course_purchases') IS NOT NULL;
SELECT trueup.col_type_is('student_course_purchases', 'payment_id', 'text')
WHERE to_regclass('student_course_purchases') IS NOT NULL;
SELECT trueup.has_column('student_course_purchases', 'purchased_at') WHERE to_regclass('student_course_purchases') IS NOT NULL;
-- What record_purchase() leaves out has to fill itself in.
SELECT problem || ', may not be null, and record_purchase() leaves it out'
FROM pg_attribute a, trueup.col_has_default('student_course_purchases', quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass('student_course_purchases') AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND a.attname <> ALL ('{id, student_id, course_id, payment_id, is_active}');

-- migrate:up
CREATE TABLE IF NOT EXISTS student_course_purchases (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  student_id uuid NOT NULL,
  course_id uuid NOT NULL,
  payment_id text,
  is_active boolean NOT NULL DEFAULT true,
  purchased_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:verify
SELECT trueup.has_table('student_course_purchases');
SELECT trueup.col_type_is('student_course_purchases', c, 'uuid') FROM unnest('{id, student_id, course_id}'::text[]) AS c;
SELECT trueup.col_default_generates_uuid('student_course_purchases', 'id');
SELECT trueup.col_default_is('student_course_purchases', 'is_active', 'true');
SELECT trueup.col_not_null('student_course_purchases', 'is_active');
SELECT trueup.has_column('student_course_purchases', c) FROM unnest('{payment_id, purchased_at}'::text[]) AS c;
SELECT problem || ', may not be null, and record_purchase() leaves it out'
FROM pg_attribute a, trueup.col_has_default('student_course_purchases', quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass('student_course_purchases') AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attname <> ALL ('{id, student_id, course_id, payment_id, is_active}')
  AND NOT EXISTS (SELECT FROM trueup.col_not_null('student_course_purchases', quote_ident(a.attname)));
