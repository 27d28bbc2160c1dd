-- At most one active purchase of a course by a student, so that a payment that is reported twice changes nothing.
--
-- The index alone does not repair the application. Its statement has to carry the index's predicate, or PostgreSQL goes
-- on answering 42P10:
--
--   INSERT INTO student_course_purchases (student_id, course_id, payment_id) VALUES (…)
--   ON CONFLICT (student_id, course_id) WHERE is_active DO NOTHING
--
-- WHERE is_active = true works as well; WHERE is_active IS TRUE, or a bind parameter, does not.

-- migrate:preflight
-- End all but one purchase of each pair first: UPDATE student_course_purchases SET is_active = false WHERE id = …
SELECT format('Pairs of student and course with more than one active purchase: %s, e.g. %s',
  max(pairs), string_agg(sample, ', '))
FROM (
  SELECT count(*) OVER () AS pairs, format('student_id %s and course_id %s (%s)', student_id, course_id, count(*)) AS sample
  FROM student_course_purchases WHERE is_active
  GROUP BY student_id, course_id HAVING count(*) > 1
  ORDER BY student_id, course_id LIMIT 2
) AS duplicates
HAVING count(*) > 0;

-- migrate:up
CREATE UNIQUE INDEX CONCURRENTLY unique_active_purchase ON student_course_purchases (student_id, course_id) WHERE is_active;

-- migrate:verify
SELECT trueup.is_indexed('student_course_purchases', '{student_id, course_id}', is_unique => true, predicate => 'is_active');
SELECT trueup.on_conflict_target('student_course_purchases', '{student_id, course_id}', 'is_active');

-- migrate:down
DROP INDEX CONCURRENTLY unique_active_purchase;
