-- The course shop as it was found: nothing in the database stops a course from being bought twice, so ON CONFLICT has
-- nothing to hold on to. A table that exists already is left as it is; the preflight says what later files would miss.

-- migrate:preflight
SELECT trueup.col_type_is('student_course_purchases', c, 'uuid') FROM unnest('{id, student_id, course_id}'::text[]) AS c
WHERE to_regclass('student_course_purchases') IS NOT NULL;
SELECT trueup.col_type_is('student_course_purchases', 'is_active', 'boolean')
WHERE to_regclass('student_course_purchases') IS NOT NULL;
SELECT trueup.col_type_is('student_course_purchases', 'payment_id', 'text')
WHERE to_regclass('student_course_purchases') IS NOT NULL;

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
