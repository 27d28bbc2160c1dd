/**
 * Determines which statements a migration touches, and handles those that are undecided. "Touches" is deliberately
 * broad: a statement too many only costs the time to plan it, but a statement too few lets a broken one pass. Before
 * a transaction, only the relations and functions that the files name are known; at its end, also everything that it
 * locked and changed, whichever code did that.
 */

import { MAX_NAMED_STATEMENTS } from '../../contract/workload';
import { FIRST_OID } from '../../sql/trust';
import { IS_THIS_DEPLOYMENT_SQL, NOT_PLANNED_REASONS } from './guard';

/**
 * Raised when a statement that a migration touches is undecided. The message is JSON with numbers, codes and catalog
 * names only.
 */
export const LEAVES_UNDECIDED_SQLSTATE = 'TU006';

/**
 * Whether a row was written by this transaction, one of its subtransactions, or a transaction that began later. Rows
 * that were frozen long ago keep their old xmin, hence the lower bound.
 */
const buildIsWrittenSql = (alias: string): string => `age(${alias}.xmin) BETWEEN -1000000 AND 0`;

const NON_BLOCKING_LOCKS = `('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')`;

/**
 * Changes that may affect any statement, because no dependency leads from operators, casts, schemas, memberships and
 * settings to the statements that use them.
 */
const AFFECTS_ANY_STATEMENT_SQL = `
      EXISTS (SELECT FROM pg_operator o WHERE ${buildIsWrittenSql('o')}) OR EXISTS (SELECT FROM pg_cast t WHERE ${buildIsWrittenSql('t')})
      OR EXISTS (SELECT FROM pg_namespace s WHERE ${buildIsWrittenSql('s')} AND s.nspname !~ '^pg_(toast_)?temp_')
      -- Of all tables, or of those of a schema: it locks none of them.
      OR EXISTS (SELECT FROM pg_publication p WHERE ${buildIsWrittenSql('p')})
      OR EXISTS (SELECT FROM pg_auth_members m WHERE ${buildIsWrittenSql('m')}) OR EXISTS (SELECT FROM pg_db_role_setting d WHERE ${buildIsWrittenSql('d')})
      -- What is dropped is locked, and no longer there to be read.
      OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'object' AND l.mode = 'AccessExclusiveLock'
        AND l.classid IN ('pg_operator'::regclass, 'pg_cast'::regclass, 'pg_namespace'::regclass, 'pg_opclass'::regclass,
          'pg_collation'::regclass, 'pg_extension'::regclass))`;

/**
 * The objects that a change reaches through dependencies. A foreign key depends on the table that it references, but
 * nothing that is planned does, so that edge is left out.
 */
const REACHED_OBJECTS_SQL = `
        SELECT d.classid, d.objid FROM pg_depend d
        WHERE d.refclassid = met.class AND d.refobjid = met.oid AND d.classid = ANY (CASE
          WHEN met.class = 'pg_class'::regclass
          THEN ARRAY['pg_rewrite', 'pg_policy', 'pg_proc', 'pg_attrdef', 'pg_type']::regclass[]::oid[]
          ELSE ARRAY['pg_rewrite', 'pg_policy', 'pg_proc', 'pg_attrdef', 'pg_type', 'pg_constraint', 'pg_class', 'pg_trigger', 'pg_operator',
            'pg_statistic_ext']::regclass[]::oid[] END)
        UNION ALL SELECT 'pg_type'::regclass::oid, c.reltype FROM pg_class c WHERE met.class = 'pg_class'::regclass AND c.oid = met.oid AND c.relkind = 'c'
        UNION ALL SELECT met.class, i.inhparent FROM pg_inherits i WHERE met.class = 'pg_class'::regclass AND i.inhrelid = met.oid
        UNION ALL SELECT met.class, i.inhrelid FROM pg_inherits i WHERE met.class = 'pg_class'::regclass AND i.inhparent = met.oid
        UNION ALL SELECT met.class, i.indrelid FROM pg_index i WHERE met.class = 'pg_class'::regclass AND i.indexrelid = met.oid
        UNION ALL SELECT 'pg_class'::regclass::oid, r.ev_class FROM pg_rewrite r WHERE met.class = 'pg_rewrite'::regclass AND r.oid = met.oid
        UNION ALL SELECT 'pg_class'::regclass::oid, p.polrelid FROM pg_policy p WHERE met.class = 'pg_policy'::regclass AND p.oid = met.oid
        UNION ALL SELECT 'pg_class'::regclass::oid, a.adrelid FROM pg_attrdef a WHERE met.class = 'pg_attrdef'::regclass AND a.oid = met.oid
        UNION ALL SELECT 'pg_class'::regclass::oid, t.tgrelid FROM pg_trigger t WHERE met.class = 'pg_trigger'::regclass AND t.oid = met.oid
        UNION ALL SELECT 'pg_class'::regclass::oid, e.stxrelid FROM pg_statistic_ext e WHERE met.class = 'pg_statistic_ext'::regclass AND e.oid = met.oid
        UNION ALL SELECT CASE WHEN k.conrelid = 0 THEN 'pg_type'::regclass::oid ELSE 'pg_class'::regclass::oid END,
          CASE WHEN k.conrelid = 0 THEN k.contypid ELSE k.conrelid END
          FROM pg_constraint k WHERE met.class = 'pg_constraint'::regclass AND k.oid = met.oid`;

/** With more names than this, a text is searched word by word. */
const MAX_NAMES_PER_PATTERN = 20;
const STATEMENT_WORDS_SQL = String.raw`regexp_split_to_array(x.sent, '[\x01-\x23\x25-\x2f\x3a-\x5e\x60\x7b-\x7f]+')`;

/** Pause between two attempts to plan a statement whose table the application has locked, in seconds. */
const LOCK_PAUSE_S = 0.1;

const buildPlansSql = (answer: string): string => `${answer} ->> 'outcome' = 'plans'`;

export const TOUCHED_FUNCTIONS_SQL: readonly string[] = [
  // Seeds are `relations` and `functions` as [schema or null, name]; `everything`; and with `transaction`, what this
  // transaction has locked or written. The result has the names of relations (`schema.name`) and functions
  // (signatures), and the words by which a text may refer to them.
  `CREATE OR REPLACE FUNCTION trueup._touched(seeds jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  everything boolean := coalesce((seeds ->> 'everything')::boolean, false);
  found jsonb; start oid[]; routines oid[]; types oid[] := '{}';
BEGIN
  start := ARRAY(SELECT c.oid FROM jsonb_array_elements(coalesce(seeds -> 'relations', '[]')) AS s (item)
    JOIN pg_class c ON c.relname = s.item ->> 1 JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE s.item ->> 0 IS NULL OR n.nspname = s.item ->> 0);
  routines := ARRAY(SELECT f.oid FROM jsonb_array_elements(coalesce(seeds -> 'functions', '[]')) AS s (item)
    JOIN pg_proc f ON f.proname = s.item ->> 1 JOIN pg_namespace n ON n.oid = f.pronamespace
    WHERE f.oid >= ${FIRST_OID} AND (s.item ->> 0 IS NULL OR n.nspname = s.item ->> 0));
  IF (seeds ->> 'transaction')::boolean THEN
    start := start || ARRAY(SELECT c.oid FROM pg_class c WHERE c.oid >= ${FIRST_OID} AND ${buildIsWrittenSql('c')})
      || ARRAY(SELECT l.relation FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= ${FIRST_OID}
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.mode NOT IN ${NON_BLOCKING_LOCKS});
    routines := routines || ARRAY(SELECT f.oid FROM pg_proc f WHERE f.oid >= ${FIRST_OID} AND ${buildIsWrittenSql('f')});
    types := ARRAY(SELECT t.oid FROM pg_type t WHERE t.oid >= ${FIRST_OID} AND ${buildIsWrittenSql('t')}
      UNION SELECT e.enumtypid FROM pg_enum e WHERE ${buildIsWrittenSql('e')});
    everything := everything OR ${AFFECTS_ANY_STATEMENT_SQL};
  END IF;
  WITH RECURSIVE met (class, oid) AS (
    SELECT * FROM (SELECT 'pg_class'::regclass::oid, unnest(start) UNION SELECT 'pg_proc'::regclass::oid, unnest(routines)
      UNION SELECT 'pg_type'::regclass::oid, unnest(types)) AS seed
    UNION
    SELECT next.class, next.oid FROM met, LATERAL (${REACHED_OBJECTS_SQL}) AS next (class, oid)),
  relation AS (
    SELECT format('%I.%I', n.nspname, c.relname) AS label, lower(c.relname::text COLLATE "C") AS name
    FROM met JOIN pg_class c ON met.class = 'pg_class'::regclass AND c.oid = met.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('trueup', 'pg_toast')),
  routine AS (
    SELECT f.oid::regprocedure::text AS label, lower(f.proname::text COLLATE "C") AS name
    FROM met JOIN pg_proc f ON met.class = 'pg_proc'::regclass AND f.oid = met.oid
      JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname <> 'trueup'),
  -- Also of what is not there: a file names what it makes, and what another file makes first.
  name AS (
    SELECT name FROM relation UNION SELECT name FROM routine UNION SELECT lower((s.item ->> 1) COLLATE "C")
    FROM jsonb_array_elements(coalesce(seeds -> 'relations', '[]') || coalesce(seeds -> 'functions', '[]')) AS s (item))
  SELECT jsonb_build_object('everything', everything, 'transaction', seeds -> 'transaction', 'relations', coalesce((SELECT jsonb_agg(DISTINCT label) FROM relation), '[]'),
    'functions', coalesce((SELECT jsonb_agg(DISTINCT label) FROM routine), '[]'),
    'names', coalesce((SELECT jsonb_agg(DISTINCT replace(name, '"', '""')) FROM name), '[]')) INTO found;
  RETURN found;
END
$fn$`,

  // Returns those of the numbered statements that are touched, in the same order. The relations and functions of a
  // statement come from its answers, or, if it was never analyzed, from its text. An object in its answers that no
  // longer exists has been dropped, which touches it too.
  `CREATE OR REPLACE FUNCTION trueup._select_touched(asked jsonb, hash text, touched jsonb, numbers int[]) RETURNS int[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relations text[] := ARRAY(SELECT jsonb_array_elements_text(touched -> 'relations'));
  functions text[] := ARRAY(SELECT jsonb_array_elements_text(touched -> 'functions'));
  names text[] := ARRAY(SELECT jsonb_array_elements_text(touched -> 'names'));
  known jsonb[]; texts text[];
BEGIN
  IF (touched ->> 'everything')::boolean OR numbers = '{}' THEN
    RETURN numbers;
  END IF;
  -- One look-up each: of tables that were filled a moment ago the server has no statistics, and joins would be nested loops.
  SELECT array_agg(coalesce(
      (SELECT a.verdict FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = u.n AND a.verdict ->> 'outcome' <> 'undecided'),
      (SELECT k.verdict FROM trueup.workload_plans k WHERE k.namespace = asked ->> 'namespace' AND k.workload = hash AND k.number = u.n)) ORDER BY u.place),
    array_agg((SELECT lower(w.statement COLLATE "C") FROM trueup.workload_statements w
      WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash AND w.number = u.n) ORDER BY u.place)
    INTO known, texts FROM unnest(numbers) WITH ORDINALITY AS u (n, place);
  IF (touched ->> 'transaction')::boolean THEN
    relations := relations || ARRAY(
      SELECT DISTINCT r.name FROM unnest(known) AS k (verdict), jsonb_array_elements_text(coalesce(k.verdict -> 'relations', '[]')) AS r (name)
      EXCEPT SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f'));
    functions := functions || ARRAY(
      SELECT DISTINCT f.name FROM unnest(known) AS k (verdict), jsonb_array_elements_text(coalesce(k.verdict -> 'functions', '[]')) AS f (name)
      EXCEPT SELECT f.oid::regprocedure::text FROM pg_proc f WHERE f.oid >= ${FIRST_OID});
  END IF;
  RETURN ARRAY(
    SELECT x.number FROM unnest(numbers, known, texts) WITH ORDINALITY AS x (number, answer, sent, place)
    WHERE coalesce(x.answer -> 'relations' ?| relations, false) OR coalesce(x.answer -> 'functions' ?| functions, false)
      OR strpos(x.sent, 'u&"') > 0 OR CASE WHEN cardinality(names) > ${MAX_NAMES_PER_PATTERN} THEN ${STATEMENT_WORDS_SQL} && names
        OR EXISTS (SELECT FROM unnest(names) AS n (name) WHERE n.name ~ '${'[^[:alnum:]_$]'}' AND strpos(x.sent, n.name) > 0)
      ELSE EXISTS (SELECT FROM unnest(names) AS n (name) WHERE strpos(x.sent, n.name) > 0
        AND (n.name ~ '${'[^[:alnum:]_$]'}' OR n.name = ANY (${STATEMENT_WORDS_SQL}))) END
    ORDER BY x.place);
END
$fn$`,

  // Does the same as `_plan_workload`, or as `_plan_with_previous_types` in a migration's transaction. A statement whose table the
  // application has locked is retried until the time limit, unless the holder of the lock waits for this transaction:
  // then neither could continue.
  `CREATE OR REPLACE FUNCTION trueup._plan_touched(asked jsonb, hash text, numbers int[], budget_ms float8, as_before boolean)
RETURNS TABLE (number int, answer jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  ends timestamptz := clock_timestamp() + budget_ms * interval '1 millisecond';
  again int[]; refused jsonb; item record; left_ms float8 := budget_ms;
BEGIN
  LOOP
    again := '{}';
    FOR item IN
      SELECT x.number, x.answer FROM trueup._plan_with_previous_types(asked, hash, numbers, left_ms) x WHERE as_before
      UNION ALL SELECT x.number, x.answer FROM trueup._plan_workload(asked ->> 'namespace', hash, numbers, left_ms, true) x WHERE NOT as_before
    LOOP
      IF item.answer ->> 'why' = 'lock' OR refused IS NOT NULL AND item.answer ->> 'why' = 'budget' THEN
        again := again || item.number;
        refused := CASE WHEN item.answer ->> 'why' = 'lock' THEN item.answer ELSE refused END;
      ELSE
        number := item.number;
        answer := item.answer;
        RETURN NEXT;
      END IF;
    END LOOP;
    EXIT WHEN again = '{}' OR clock_timestamp() + ${LOCK_PAUSE_S} * interval '1 second' >= ends OR EXISTS (
      SELECT FROM (SELECT DISTINCT w.pid FROM pg_locks w WHERE NOT w.granted AND w.pid <> pg_backend_pid()) AS waits
      WHERE pg_backend_pid() = ANY (pg_blocking_pids(waits.pid)));
    PERFORM pg_sleep(${LOCK_PAUSE_S});
    numbers := again;
    left_ms := greatest(0, 1000 * extract(epoch FROM ends - clock_timestamp()));
  END LOOP;
  RETURN QUERY SELECT u.n, refused FROM unnest(again) AS u (n);
END
$fn$`,

  // Returns why a statement is undecided, with the object that causes it if the catalog shows that, and the role that
  // owns the object or has locked it.
  `CREATE OR REPLACE FUNCTION trueup._describe_undecided(asked jsonb, hash text, n int, answer jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  sent text := (SELECT lower(w.statement COLLATE "C") FROM trueup.workload_statements w
    WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash AND w.number = n);
  known jsonb := coalesce(
    (SELECT a.verdict FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = n AND a.verdict ->> 'outcome' <> 'undecided'),
    (SELECT k.verdict FROM trueup.workload_plans k WHERE k.namespace = asked ->> 'namespace' AND k.workload = hash AND k.number = n)) -> 'relations';
  object text := answer -> 'code' ->> 'object'; owner text := answer -> 'code' ->> 'role';
BEGIN
  IF object IS NULL AND answer ->> 'why' = 'code' THEN
    SELECT f.oid::regprocedure::text, r.rolname INTO object, owner
      FROM pg_proc f JOIN pg_roles r ON r.oid = f.proowner LEFT JOIN pg_operator o ON o.oprcode = f.oid
      WHERE f.oid >= ${FIRST_OID} AND NOT r.rolsuper AND r.rolname <> current_user
        AND (strpos(sent, lower(f.proname::text COLLATE "C")) > 0 OR strpos(sent, o.oprname::text) > 0)
      ORDER BY f.proowner = (SELECT datdba FROM pg_database WHERE datname = current_database()), f.oid LIMIT 1;
  ELSIF object IS NULL AND answer ->> 'why' IN ('lock', 'foreign') THEN
    SELECT format('%I.%I', s.nspname, c.relname), coalesce(a.usename, r.rolname) INTO object, owner
      FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
        LEFT JOIN pg_locks l ON l.relation = c.oid AND l.granted AND l.pid <> pg_backend_pid() AND l.mode NOT IN ${NON_BLOCKING_LOCKS}
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE (known ? format('%I.%I', s.nspname, c.relname) OR known IS NULL AND strpos(sent, lower(c.relname::text COLLATE "C")) > 0)
        AND CASE answer ->> 'why' WHEN 'lock' THEN l.pid IS NOT NULL ELSE c.relkind = 'f' END
      ORDER BY c.oid LIMIT 1;
  END IF;
  RETURN jsonb_strip_nulls(jsonb_build_object('n', n, 'why', answer ->> 'why', 'object', object, 'owner', owner));
END
$fn$`,

  // Raises the error for the first few undecided statements, the most frequent first.
  `CREATE OR REPLACE FUNCTION trueup._refuse_undecided(asked jsonb, hash text, of_file text, open jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  RAISE EXCEPTION USING ERRCODE = '${LEAVES_UNDECIDED_SQLSTATE}', MESSAGE = jsonb_build_object('migration', of_file, 'count', jsonb_array_length(open),
    'open', (SELECT jsonb_agg(trueup._describe_undecided(asked, hash, (x.item ->> 'n')::int, x.item -> 'answer') ORDER BY x.place)
      FROM jsonb_array_elements(trueup._sort_by_calls(asked ->> 'namespace', hash, open)) WITH ORDINALITY AS x (item, place)
      WHERE x.place <= ${MAX_NAMED_STATEMENTS}));
END
$fn$`,

  // Handles, before the first migration, undecided statements that pending files touch. If the last deployment left
  // such a statement planned, or if its earlier state is unknown and it was not planned for lack of time or a lock,
  // the first file that touches it and has no consent is refused. Statements that were already undecided at the last
  // deployment, or whose earlier state is unknown, are only noted.
  `CREATE OR REPLACE FUNCTION trueup._check_touched(asked jsonb, hash text, numbers int[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  item record; file jsonb; hit int[]; open jsonb := '[]'; here jsonb; warned jsonb := '[]'; not_recorded int := 0;
BEGIN
  FOR item IN
    SELECT a.number, a.verdict AS answer, (SELECT k.verdict FROM trueup.workload_plans k
      WHERE k.namespace = a.namespace AND k.workload = hash AND k.number = a.number) AS kept
    FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = ANY (numbers) AND a.verdict ->> 'outcome' = 'undecided' ORDER BY a.number
  LOOP
    IF ${buildPlansSql('item.kept')} OR item.answer ->> 'why' = ANY (${NOT_PLANNED_REASONS}) THEN
      open := open || jsonb_build_object('n', item.number, 'answer', item.answer);
    ELSE
      not_recorded := not_recorded + (item.kept IS NULL)::int;
      warned := warned || jsonb_build_object('n', item.number, 'why', 'undecided', 'reason', item.answer ->> 'why', 'known', true);
    END IF;
  END LOOP;
  FOR file IN SELECT value FROM jsonb_array_elements(CASE WHEN open = '[]' THEN '[]' ELSE asked -> 'files' END) LOOP
    hit := trueup._select_touched(asked, hash, trueup._touched(file), ARRAY(SELECT (o.item ->> 'n')::int FROM jsonb_array_elements(open) AS o (item)));
    CONTINUE WHEN hit = '{}';
    here := (SELECT jsonb_agg(o.item) FROM jsonb_array_elements(open) AS o (item) WHERE (o.item ->> 'n')::int = ANY (hit));
    IF NOT (file ->> 'consent')::boolean THEN
      PERFORM trueup._refuse_undecided(asked, hash, file ->> 'name', here);
    END IF;
    UPDATE trueup.deployment_plans a SET broken_by = file ->> 'name', consented = true WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = ANY (hit);
    PERFORM trueup._record_guard_note(asked || jsonb_build_object('migration', file ->> 'name'), '[]', (SELECT jsonb_agg(jsonb_build_object(
      'n', o.item -> 'n', 'why', 'undecided', 'reason', o.item -> 'answer' ->> 'why')) FROM jsonb_array_elements(here) AS o (item)), '{}');
    open := coalesce((SELECT jsonb_agg(o.item) FROM jsonb_array_elements(open) AS o (item) WHERE (o.item ->> 'n')::int <> ALL (hit)), '[]');
  END LOOP;
  PERFORM trueup._record_guard_note(asked || jsonb_build_object('notRecorded', not_recorded), '[]', warned, '{}');
  RETURN true;
END
$fn$`,
];
