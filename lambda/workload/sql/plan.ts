/**
 * What plans many statements in one call and runs none of them. It changes nothing: one text, which a role that may only
 * read sends as a DO block, and which is installed as `trueup._plan` for whoever asks within a transaction.
 *
 * A text is hostile until proved otherwise:
 * - EXECUTE would run several statements of one text. A cursor never opens for PREPARE, but says so only where the text is
 *   a single statement that PREPARE takes; everything else has ended there.
 * - The planner calls immutable functions with our rights. PREPARE analyses without planning; what it has locked says
 *   which relations are meant, and nothing is planned that may reach code of an owner who is not trusted.
 * - Its search path holds while the server analyses and plans, and for nothing else.
 *
 * Asked: `{budgetMs, outlives, statements: [{text, role, path, guessed, types}]}`. `path` is as SHOW search_path prints it;
 * without it that of the connection is taken, and what is found there is `guessed`. `types` are those of its parameters, where
 * they are known. A text that cannot travel is null. With `outlives`, a statement timeout ends the planning and not the call.
 */
import { NEEDS, WITH_CATALOGUE } from './access';
import { CALLS_BY_NAME, JUDGE_ERROR, JUDGE_INSERTS, RARITIES } from './judge';
import { FIRST_OID, NAMES_A_SUSPECT, RELATIONS_REACH_A_SUSPECT, SUSPECTS } from './trust';

/** The settings that the question comes in by, and the answer goes out by, where it is a DO block. */
export const ASKED = 'trueup.asked';
export const ANSWER = 'trueup.planned';

/** The server takes more; no application sends them. */
export const MAX_LENGTH = 1024 * 1024;

/**
 * A statement waits no longer for a lock: who waits for one holds those it has, and with half a second the application
 * was ended as the victim of a deadlock.
 */
const LOCK_TIMEOUT = '15ms';

/** An assignment, as all that is done for each statement: PERFORM would start the executor. */
const OWN_PATH = `done := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)`;
const SENDERS_PATH = `done := set_config('search_path', path, true)`;

const TOO_LONG = String.raw`sent IS NULL OR octet_length(sent) > ${MAX_LENGTH} OR sent ~ '\$0*(100[1-9]|10[1-9]\d|1[1-9]\d\d|[2-9]\d{3}|[1-9]\d{4,})'`;

const OWN_LOCKS = `
  FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= ${FIRST_OID}
    AND l.database = here`;

/**
 * PREPARE's locks are the relations. Those that the transaction holds already in the same mode do not show: of these, what
 * the text may name, and what rules and policies of its relations name. Too many rather than too few.
 */
const RELATIONS = `
  SELECT coalesce(array_agg(l.relation), '{}'), coalesce(array_agg(l.mode), '{}')
    INTO oids, modes ${OWN_LOCKS} AND l.relation || l.mode <> ALL (locked);
  IF holding <> '{}' THEN
    assumed := ARRAY(
      WITH RECURSIVE met AS (
        SELECT unnest(oids) AS oid
        UNION SELECT c.oid FROM pg_class c WHERE c.oid = ANY (holding) AND (
          lower(c.relname::text COLLATE "C") = ANY (words) OR strpos(lower(sent), 'u&"') > 0
          OR c.relname ~ '${'[^[:alnum:]_$]'}' AND strpos(sent, '"') > 0)
        UNION SELECT d.refobjid FROM met
          JOIN LATERAL (SELECT 'pg_rewrite'::regclass AS class, r.oid FROM pg_rewrite r WHERE r.ev_class = met.oid
            UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p WHERE p.polrelid = met.oid) AS made ON true
          JOIN pg_depend d ON d.classid = made.class AND d.objid = made.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (holding))
      SELECT oid FROM met WHERE oid <> ALL (oids));
    oids := oids || assumed;
    modes := modes || ARRAY(SELECT CASE WHEN held || 'RowExclusiveLock' = ANY (locked) THEN 'RowExclusiveLock' END
      FROM unnest(assumed) WITH ORDINALITY AS u (held, place) ORDER BY place);
  END IF;`;

/** The first oid that a domain can have: before are the server's own types. */
const FIRST_DOMAIN = 10_000;

const TYPES = `
  IF major >= 16 THEN
    SELECT p.parameter_types, p.parameter_types::text[], p.result_types::text[], p.result_types::oid[] INTO types, parameters, results, returned
      FROM pg_prepared_statements p WHERE p.name = 'trueup_planned';
  ELSE
    SELECT p.parameter_types, p.parameter_types::text[] INTO types, parameters FROM pg_prepared_statements p WHERE p.name = 'trueup_planned';
  END IF;
  returned := types::oid[] || returned;
  bases := parameters;
  IF ${FIRST_DOMAIN} <= ANY (types::oid[]) THEN
    bases := ARRAY(
      WITH RECURSIVE base AS (
        SELECT u.n, t.oid, t.typbasetype FROM unnest(types) WITH ORDINALITY AS u (type, n) JOIN pg_type t ON t.oid = u.type
        UNION ALL SELECT base.n, t.oid, t.typbasetype FROM base JOIN pg_type t ON t.oid = base.typbasetype)
      SELECT format_type(oid, NULL) FROM base WHERE typbasetype = 0 ORDER BY n);
  END IF;`;

const EXPLAIN = `
  -- GENERIC_PLAN takes the text, and no types beside it.
  IF major >= 16 AND typed IS NULL THEN
    command := 'EXPLAIN (VERBOSE, COSTS OFF, GENERIC_PLAN, FORMAT JSON) ' || sent;
    ${SENDERS_PATH};
    FOR plan IN EXECUTE command LOOP END LOOP;
  ELSE
    -- A NULL for a domain would be checked when it is handed over: its base type takes its place.
    IF bases <> parameters THEN
      DEALLOCATE trueup_planned;
      prepared := false;
      command := 'PREPARE trueup_planned (' || array_to_string(bases, ', ') || ') AS ' || sent;
      ${SENDERS_PATH};
      EXECUTE command;
      prepared := true;
      ${OWN_PATH};
    END IF;
    command := 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) EXECUTE trueup_planned' ||
      CASE WHEN bases = '{}' THEN '' ELSE '(' || array_to_string(array_fill('NULL'::text, ARRAY[cardinality(bases)]), ', ') || ')' END;
    ${SENDERS_PATH};
    EXECUTE command INTO plan;
  END IF;
  ${OWN_PATH};`;

const VARIABLES = `
  major integer := current_setting('server_version_num')::integer / 10000;
  ends timestamptz := clock_timestamp() + coalesce((asked->>'budgetMs')::float8, 60000) * interval '1 millisecond';
  here oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  session_path text := (SELECT reset_val FROM pg_settings WHERE name = 'search_path');
  untrusted boolean; foreigners boolean; odd boolean := false; hidden boolean := false;
  suspects oid[] := '{}'; names text[] := '{}'; operators text[] := '{}'; contended text[] := '{}';
  locked text[]; holding oid[];
  item jsonb; sent text; typed text; sender text; path text; guessed boolean; began timestamptz; words text[]; command text; phase text;
  outcome text; state text; why text; relation text; object text; said text; called text[]; candidate boolean;
  searched text[]; oids oid[]; modes text[]; assumed oid[]; verbs text[]; reads boolean;
  types regtype[]; returned oid[]; bases text[]; parameters text[]; results text[]; arbiters jsonb; deciding jsonb; plan text; prepared boolean; done text;
  musts oid[]; deferring oid[]; nodes jsonb; node jsonb; source jsonb; target oid; written_to text; nulls boolean; missing text; among boolean; failing text;
  numbered text[]; empty text[]; uncounted jsonb; sequences jsonb;
  answers jsonb[] := '{}'; verdicts jsonb; stopped text; probe refcursor;`;

const BODY = `
  ${OWN_PATH};
  -- A call that was cancelled may have left it behind.
  IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'trueup_planned') THEN DEALLOCATE trueup_planned; END IF;
  ${SUSPECTS}
  ${RARITIES}
  SELECT coalesce(array_agg(l.relation || l.mode), '{}'), coalesce(array_agg(DISTINCT l.relation), '{}') INTO locked, holding ${OWN_LOCKS};
  FOR item IN SELECT value FROM jsonb_array_elements(asked->'statements') LOOP
    began := clock_timestamp();
    sent := item->>'text'; sender := item->>'role'; guessed := coalesce((item->>'guessed')::boolean, item->>'path' IS NULL);
    -- An element of its own: a schema may have quotes in its name, and these are doubled.
    path := coalesce(item->>'path', session_path);
    IF sender IS NOT NULL THEN
      path := regexp_replace(path, '(^|,)(\\s*)"\\$user"(?=\\s*(,|$))',
        '\\1\\2"' || replace(replace(sender, '"', '""'), '\\', '\\\\') || '"', 'g');
    END IF;
    -- By the server's own names: what comes from elsewhere is no text to run.
    typed := (SELECT CASE WHEN bool_and(to_regtype(t.name) IS NOT NULL)
        THEN format(' (%s)', string_agg(format_type(to_regtype(t.name), NULL), ', ' ORDER BY t.n)) END
      FROM jsonb_array_elements_text(nullif(item->'types', 'null')) WITH ORDINALITY AS t (name, n));
    why := stopped; outcome := NULL; state := NULL; failing := NULL; relation := NULL; object := NULL; plan := NULL; words := '{}';
    prepared := false; oids := '{}'; modes := '{}'; assumed := '{}'; verbs := '{}'; reads := false; searched := '{}';
    parameters := '{}'; bases := '{}'; results := NULL; returned := NULL; arbiters := '[]'; phase := 'analyse'; numbered := '{}'; empty := '{}';
    IF why IS NULL AND clock_timestamp() > ends THEN why := 'budget'; END IF;
    IF why IS NULL AND (${TOO_LONG}) THEN why := 'long'; END IF;
    IF why IS NULL THEN
      words := regexp_split_to_array(lower(sent COLLATE "C"), '[\\x01-\\x23\\x25-\\x2f\\x3a-\\x5e\\x60\\x7b-\\x7f]+');
      IF words && contended THEN why := 'lock';
      ELSIF (untrusted OR foreigners) AND ${NAMES_A_SUSPECT} THEN why := 'code';
      END IF;
    END IF;
    IF why IS NULL THEN
      BEGIN
        OPEN probe FOR EXECUTE 'PREPARE trueup_planned AS ' || sent;
        why := 'several';
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
        why := CASE
          WHEN SQLSTATE = '42601' THEN 'syntax' WHEN SQLSTATE <> '42P11' THEN 'other'
          WHEN strpos(said, 'PREPARE') = 0 THEN 'several' END;
      END;
    END IF;
    IF why IS NULL THEN
      BEGIN
        command := 'PREPARE trueup_planned' || coalesce(typed, '') || ' AS ' || sent;
        done := set_config('transaction_read_only', 'on', true);
        done := set_config('lock_timeout', '${LOCK_TIMEOUT}', true);
        done := set_config('plan_cache_mode', 'force_generic_plan', true);
        ${SENDERS_PATH};
        searched := pg_catalog.current_schemas(true);
        EXECUTE command;
        prepared := true;
        ${OWN_PATH};
        ${RELATIONS}
        ${TYPES}
        IF untrusted OR foreigners THEN
          ${RELATIONS_REACH_A_SUSPECT} INTO why;
        END IF;
        IF why IS NULL THEN
          phase := 'plan';
          ${EXPLAIN}
          phase := 'judge';
          IF words && '{insert}' THEN
            ${JUDGE_INSERTS}
            IF jsonb_array_length(arbiters) > 1 THEN
              arbiters := (SELECT jsonb_agg(DISTINCT arbiter ORDER BY arbiter) FROM jsonb_array_elements_text(arbiters) AS arbiter);
            END IF;
          END IF;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'TU003';
      EXCEPTION
        WHEN query_canceled THEN
          IF asked->>'outlives' IS DISTINCT FROM 'true' THEN RAISE; END IF;
          stopped := 'slow'; why := 'slow';
        WHEN OTHERS THEN
          IF SQLSTATE <> 'TU003' THEN
            state := SQLSTATE; outcome := NULL;
            GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
          END IF;
      END;
      IF prepared THEN DEALLOCATE trueup_planned; END IF;
      IF state = '55P03' THEN
        why := 'lock';
        contended := ARRAY(SELECT DISTINCT lower(c.relname::text COLLATE "C") FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
          WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid() AND c.oid >= ${FIRST_OID}
            AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'));
      ELSIF state IS NOT NULL AND outcome IS NULL THEN
        ${JUDGE_ERROR}
      END IF;
      ${NEEDS}
      ${CALLS_BY_NAME}
    END IF;
    outcome := coalesce(outcome, CASE WHEN why IS NULL THEN 'plans' ELSE 'undecided' END);
    answers := answers || jsonb_build_object('outcome', outcome, 'state', CASE WHEN outcome <> 'undecided' THEN state END,
      'why', why, 'relation', relation, 'object', object, 'parameters', parameters, 'results', results,
      'bases', CASE WHEN bases <> parameters THEN bases END,
      'ids', CASE WHEN ${FIRST_OID} <= ANY (returned) THEN returned::text[] END,
      'arbiters', arbiters, 'numbered', CASE WHEN numbered <> '{}' THEN numbered END, 'empty', CASE WHEN empty <> '{}' THEN empty END,
      'sequences', CASE WHEN words && '{nextval}' AND sent ~* 'nextval\\s*\\(\\s*\\$' THEN sequences END,
      'ms', round((extract(epoch FROM clock_timestamp() - began) * 1000)::numeric, 1),
      '_', CASE WHEN oids <> '{}' OR words <> '{}' THEN jsonb_build_object('words', words, 'oids', oids::text[], 'modes', modes,
        'assumed', assumed::text[], 'searched', searched, 'verbs', verbs, 'reads', reads) END);
  END LOOP;
  ${WITH_CATALOGUE}
  verdicts := coalesce(verdicts, '[]');`;

/** For a role without rights of its own: in a transaction that is read only, with the search path `pg_catalog, pg_temp`. */
export const PLAN_BLOCK = `DO $trueup$
#variable_conflict use_column
DECLARE
  asked jsonb := current_setting('${ASKED}')::jsonb;${VARIABLES}
BEGIN${BODY}
  PERFORM set_config('${ANSWER}', verdicts::text, false), set_config('${ASKED}', '', false);
END $trueup$`;

/** Also within a transaction that has changed the schema and holds locks; nothing of it stays. */
export const PLAN_FUNCTION = `CREATE OR REPLACE FUNCTION trueup._plan(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE${VARIABLES}
BEGIN${BODY}
  RETURN verdicts;
END
$fn$`;
