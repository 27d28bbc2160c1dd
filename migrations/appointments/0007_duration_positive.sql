-- An appointment lasts longer than nothing.
--
-- A second check was asked for, datetime > CURRENT_TIMESTAMP, and is left out on purpose: PostgreSQL checks a row whenever
-- it is written, not only when it is new. Every appointment that is over would refuse any change, down to its status, and
-- a dump could not be restored. That a new appointment lies in the future is for the application to see to.

-- migrate:preflight
SELECT format('Appointments with a duration of 0 or less: %s, e.g. those with the ids %s', count(*),
  array_to_string((array_agg(id::text ORDER BY id))[1:5], ', '))
FROM appointments WHERE duration <= 0 HAVING count(*) > 0;

-- migrate:up
ALTER TABLE appointments ADD CONSTRAINT appointments_duration_positive CHECK (duration > 0) NOT VALID;
ALTER TABLE appointments VALIDATE CONSTRAINT appointments_duration_positive;

-- migrate:verify
SELECT trueup.has_check('appointments', 'duration > 0');

-- migrate:down
ALTER TABLE appointments DROP CONSTRAINT appointments_duration_positive;
