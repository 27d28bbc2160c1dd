/**
 * The block that plans many statements in one call and runs none of them. It changes nothing and needs no rights of its
 * own: texts come in by one setting of the session, the answer goes out by another. Its own text is always the same.
 *
 * A text is hostile until proved otherwise:
 * - EXECUTE would run several statements of one text. A cursor never opens for PREPARE, but says so only where the text is
 *   a single statement that PREPARE takes; everything else has ended there.
 * - The planner calls immutable functions with our rights. PREPARE analyses without planning; what it has locked says
 *   which relations are meant, and nothing is planned that may reach code of an owner who is not trusted.
 * - Its search path holds while the server analyses and plans, and for nothing else.
 */

/** The setting that the texts come in by, and the answer goes out by. */
export const ASKED = 'trueup.asked';
export const ANSWER = 'trueup.planned';

/**
 * A statement waits no longer for a lock: who waits for one holds those it has, and with half a second the application
 * was ended as the victim of a deadlock.
 */
const LOCK_TIMEOUT = '15ms';

/** The first oid that is not the server's own (FirstNormalObjectId). */
const FIRST_OID = 16_384;

const OWN_PATH = `pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)`;

/**
 * Functions that must not run here: of an owner who is neither superuser, owner of the database nor the one who asks. Where
 * there is one, no other function outside the server's own is trusted either, unless it is in C: its body finds what
 * it calls by the sender's path. Where there are foreign tables, those in SQL are not: the planner puts their body in place.
 */
const SUSPECTS = `
  untrusted := EXISTS (
    SELECT FROM pg_proc f JOIN pg_roles o ON o.oid = f.proowner
    WHERE NOT o.rolsuper AND o.rolname <> current_user AND f.proowner <>
      (SELECT datdba FROM pg_database WHERE datname = current_database()));
  foreigners := EXISTS (SELECT FROM pg_class WHERE relkind = 'f');
  IF untrusted OR foreigners THEN
    SELECT coalesce(array_agg(f.oid), '{}'), coalesce(array_agg(DISTINCT lower(f.proname::text COLLATE "C")), '{}')
      INTO suspects, names
      FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang
      WHERE f.oid >= ${FIRST_OID}
        AND CASE WHEN untrusted THEN l.lanname NOT IN ('c', 'internal') ELSE l.lanname = 'sql' END;
    names := names || ARRAY(
      SELECT lower(t.typname::text COLLATE "C") FROM pg_cast c JOIN pg_type t ON t.oid IN (c.castsource, c.casttarget)
      WHERE c.castfunc = ANY (suspects));
    operators := ARRAY(SELECT DISTINCT o.oprname::text FROM pg_operator o WHERE o.oprcode = ANY (suspects));
    odd := EXISTS (SELECT FROM unnest(names) AS name WHERE name ~ '${'[^[:alnum:]_$]'}');
    -- IN, LIKE, BETWEEN, CASE, NULLIF and JOIN USING call operators that no text shows.
    hidden := operators && '{=,<>,<,>,<=,>=,~,~~,!~~,~~*,!~~*}'::text[];
  END IF;`;

/** May the text name a suspect? Too often yes rather than once too seldom. */
const NAMES_A_SUSPECT = `
  (hidden OR words && names
   OR EXISTS (SELECT FROM unnest(operators) AS sign WHERE strpos(sent, sign) > 0)
   OR EXISTS (SELECT FROM unnest(words) AS word WHERE octet_length(word) > 63)
   OR (odd AND strpos(sent, '"') > 0) OR strpos(lower(sent), 'u&"') > 0
   OR (getdatabaseencoding() <> 'UTF8' AND sent ~ '[^[:ascii:]]'))`;

/** What its relations are made of: rules of views, policies, defaults, constraints, indexes, statistics, partitions, types. */
const RELATIONS_REACH_A_SUSPECT = `
  WITH RECURSIVE tree AS (
    SELECT unnest(oids) AS oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid),
  part AS (
    SELECT 'pg_class'::regclass::oid AS class, oid FROM tree
    UNION SELECT 'pg_class'::regclass, i.indexrelid FROM tree JOIN pg_index i ON i.indrelid = tree.oid
    UNION SELECT d.classid, d.objid FROM tree
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = tree.oid AND d.deptype IN ('i', 'a'))
  SELECT CASE
    WHEN EXISTS (SELECT FROM tree JOIN pg_class c USING (oid) WHERE c.relkind = 'f') THEN 'foreign'
    WHEN EXISTS (
      SELECT FROM part JOIN pg_depend d ON (d.classid, d.objid) = (part.class, part.oid)
      WHERE (d.refclassid = 'pg_proc'::regclass AND d.refobjid = ANY (suspects))
        OR (d.refclassid = 'pg_operator'::regclass
            AND d.refobjid IN (SELECT oid FROM pg_operator WHERE oprcode = ANY (suspects))))
      OR (untrusted AND EXISTS (
        SELECT FROM tree JOIN pg_attribute a ON a.attrelid = tree.oid AND a.attnum > 0
          JOIN pg_type t ON t.oid = a.atttypid JOIN pg_roles o ON o.oid = t.typowner
          JOIN pg_cast c ON t.oid IN (c.castsource, c.casttarget) AND c.castfunc = ANY (suspects)))
      THEN 'code' END`;

/** Of the tables that the statement writes to: what a plan does not show, and its INSERT may fail by. */
const TARGETS = `
  SELECT jsonb_agg(jsonb_build_object(
    'relation', format('%I.%I', n.nspname, c.relname),
    'schema', n.nspname, 'name', c.relname,
    'required', (SELECT jsonb_object_agg(a.attnum, jsonb_build_array(a.attname, a.atthasdef OR a.attidentity <> ''))
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        AND (a.attnotnull OR EXISTS (
          WITH RECURSIVE domain AS (
            SELECT t.typnotnull, t.typbasetype
            UNION ALL SELECT b.typnotnull, b.typbasetype FROM domain JOIN pg_type b ON b.oid = domain.typbasetype)
          SELECT FROM domain WHERE typnotnull))),
    'deferrable', (SELECT jsonb_agg(i.indexrelid::regclass::text) FROM pg_index i
      WHERE i.indrelid = c.oid AND NOT i.indimmediate AND i.indisready),
    -- A row trigger may put a value in place, also one of a partition. Those that only a replica fires do not count.
    'fills', EXISTS (
      WITH RECURSIVE tree AS (
        SELECT c.oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid)
      SELECT FROM tree JOIN pg_trigger g ON g.tgrelid = tree.oid
      WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype::integer & 7 = 7
        AND (g.tgenabled <> 'R' OR current_setting('session_replication_role') = 'replica')
        AND (g.tgenabled <> 'O' OR current_setting('session_replication_role') <> 'replica'))))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY (written)`;

/** Of an error: what separates a missing function from types that only the values tell. The words stay here. */
const ABOUT_FUNCTION = `
  called := (regexp_match(said, '(?:"((?:[^"]|"")+)"|([^[:space:]("]+))\\((.*)\\)'));
  IF called IS NOT NULL THEN
    about := about || jsonb_build_object('candidates', EXISTS (
      SELECT FROM pg_proc f
      WHERE f.proname = coalesce(replace(called[1], '""', '"'), (regexp_match(called[2], '[^.]+$'))[1])
        AND (f.provariadic <> 0 OR CASE WHEN called[3] = '' THEN 0 ELSE
          length(called[3]) - length(replace(called[3], ',', '')) + 1 END BETWEEN f.pronargs - f.pronargdefaults AND f.pronargs)));
  END IF;`;

/** Where nobody knows the sender's path: is something of a name in the text there that the path does not lead to? */
const ELSEWHERE = `
  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid >= ${FIRST_OID}
      AND n.nspname NOT IN ('trueup', 'pg_toast') AND NOT n.nspname = ANY (searched)
      AND lower(c.relname::text COLLATE "C") = ANY (words))
  OR EXISTS (SELECT FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
    WHERE f.oid >= ${FIRST_OID} AND n.nspname <> 'trueup' AND NOT n.nspname = ANY (searched)
      AND lower(f.proname::text COLLATE "C") = ANY (words))`;

/**
 * Plans what the setting `trueup.asked` holds: `{budgetMs, statements: [{text, path, guessed}]}`. The transaction has to be
 * read only, with the search path `pg_catalog, pg_temp`.
 */
export const PLAN_BLOCK = `DO $trueup$
#variable_conflict use_column
DECLARE
  major integer := current_setting('server_version_num')::integer / 10000;
  asked jsonb := current_setting('${ASKED}')::jsonb;
  ends timestamptz := clock_timestamp() + (asked->>'budgetMs')::float8 * interval '1 millisecond';
  untrusted boolean; foreigners boolean; odd boolean := false; hidden boolean := false;
  suspects oid[] := '{}'; names text[] := '{}'; operators text[] := '{}'; contended text[] := '{}';
  item jsonb; sent text; path text; words text[]; command text; reason text; state text; said text; called text[]; planning boolean;
  searched text[]; oids oid[]; written oid[]; bases text[]; parameters text[]; results text[]; plan json; targets jsonb; about jsonb;
  answers jsonb[] := '{}'; stopped text; probe refcursor;
BEGIN
  PERFORM ${OWN_PATH};
  ${SUSPECTS}
  FOR item IN SELECT value FROM jsonb_array_elements(asked->'statements') LOOP
    sent := item->>'text'; path := item->>'path'; reason := stopped; state := NULL; plan := NULL; targets := NULL;
    oids := '{}'; written := '{}'; parameters := '{}'; results := NULL; about := NULL; searched := '{}'; planning := false;
    IF reason IS NULL AND clock_timestamp() > ends THEN reason := 'budget'; END IF;
    IF reason IS NULL THEN
      words := ARRAY(SELECT DISTINCT (regexp_matches(lower(sent COLLATE "C"), '[^\\x01-\\x23\\x25-\\x2f\\x3a-\\x5e\\x60\\x7b-\\x7f]+', 'g'))[1]);
      IF words && contended THEN reason := 'lock';
      ELSIF (untrusted OR foreigners) AND ${NAMES_A_SUSPECT} THEN reason := 'code';
      END IF;
    END IF;
    IF reason IS NULL THEN
      BEGIN
        OPEN probe FOR EXECUTE 'PREPARE trueup_planned AS ' || sent;
        reason := 'several';
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
        reason := CASE
          WHEN SQLSTATE = '42601' THEN 'syntax' WHEN SQLSTATE <> '42P11' THEN 'other'
          WHEN strpos(said, 'PREPARE') = 0 THEN 'several' END;
      END;
    END IF;
    IF reason IS NULL THEN
      BEGIN
        command := 'PREPARE trueup_planned AS ' || sent;
        PERFORM set_config('transaction_read_only', 'on', true), set_config('lock_timeout', '${LOCK_TIMEOUT}', true),
          set_config('plan_cache_mode', 'force_generic_plan', true);
        PERFORM set_config('search_path', path, true);
        searched := pg_catalog.current_schemas(true);
        EXECUTE command;
        PERFORM ${OWN_PATH};
        SELECT coalesce(array_agg(DISTINCT l.relation), '{}'),
            coalesce(array_agg(DISTINCT l.relation) FILTER (WHERE l.mode = 'RowExclusiveLock'), '{}')
          INTO oids, written
          FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= ${FIRST_OID}
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());
        SELECT p.parameter_types::text[],
            ARRAY(
              WITH RECURSIVE base AS (
                SELECT u.n, t.oid, t.typbasetype FROM unnest(p.parameter_types) WITH ORDINALITY AS u(type, n)
                  JOIN pg_type t ON t.oid = u.type
                UNION ALL SELECT base.n, t.oid, t.typbasetype FROM base JOIN pg_type t ON t.oid = base.typbasetype)
              SELECT format_type(oid, NULL) FROM base WHERE typbasetype = 0 ORDER BY n)
          INTO parameters, bases FROM pg_prepared_statements p WHERE p.name = 'trueup_planned';
        IF major >= 16 THEN
          SELECT p.result_types::text[] INTO results FROM pg_prepared_statements p WHERE p.name = 'trueup_planned';
        END IF;
        IF untrusted OR foreigners THEN
          ${RELATIONS_REACH_A_SUSPECT} INTO reason;
        END IF;
        IF reason IS NULL THEN
          ${TARGETS} INTO targets;
          planning := true;
          IF major >= 16 THEN
            command := 'EXPLAIN (VERBOSE, COSTS OFF, GENERIC_PLAN, FORMAT JSON) ' || sent;
            PERFORM set_config('search_path', path, true);
            FOR plan IN EXECUTE command LOOP END LOOP;
          ELSE
            -- A NULL for a domain would be checked when it is handed over: its base type takes its place.
            IF bases <> parameters THEN
              DEALLOCATE trueup_planned;
              command := 'PREPARE trueup_planned (' || array_to_string(bases, ', ') || ') AS ' || sent;
              PERFORM set_config('search_path', path, true);
              EXECUTE command;
              PERFORM ${OWN_PATH};
            END IF;
            command := 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) EXECUTE trueup_planned' ||
              CASE WHEN bases = '{}' THEN '' ELSE '(' || array_to_string(array_fill('NULL'::text, ARRAY[cardinality(bases)]), ', ') || ')' END;
            PERFORM set_config('search_path', path, true);
            EXECUTE command INTO plan;
          END IF;
          PERFORM ${OWN_PATH};
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'TU003';
      EXCEPTION
        WHEN query_canceled THEN stopped := 'slow'; reason := 'slow';
        WHEN OTHERS THEN
          state := nullif(SQLSTATE, 'TU003');
          GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
      END;
      IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'trueup_planned') THEN DEALLOCATE trueup_planned; END IF;
      IF state = '55P03' THEN
        reason := 'lock';
        contended := ARRAY(SELECT DISTINCT lower(c.relname::text COLLATE "C") FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
          WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid() AND c.oid >= ${FIRST_OID}
            AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'));
      ELSIF state IS NOT NULL THEN
        about := jsonb_build_object('untyped', strpos(said, 'unknown') > 0);
        IF state = '42883' THEN ${ABOUT_FUNCTION} END IF;
        -- What analysis raises is the server's own. While it plans, a function may raise anything.
        IF planning AND (state NOT IN ('42P10', '42809', '42501') OR state <> '42501' AND NOT words && '{conflict}') THEN
          reason := 'other';
        END IF;
        IF (item->>'guessed')::boolean AND (${ELSEWHERE}) THEN reason := 'path'; END IF;
      END IF;
    END IF;
    answers := answers || jsonb_strip_nulls(jsonb_build_object('reason', reason, 'state', state, 'about', about,
      'parameters', parameters, 'results', results,
      'relations', ARRAY(SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY (oids) AND c.relkind <> 'i' ORDER BY 1),
      'plan', CASE WHEN targets IS NOT NULL AND words && '{insert}' THEN plan END, 'targets', targets));
  END LOOP;
  PERFORM set_config('${ANSWER}', array_to_json(answers)::text, false), set_config('${ASKED}', '', false);
END $trueup$`;
