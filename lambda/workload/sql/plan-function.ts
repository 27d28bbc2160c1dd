/**
 * SQL that plans many statements in one call and executes none of them. It changes nothing. A role with only read
 * privileges sends it as a DO block, and `trueup._plan` is the same text, installed for callers within a transaction.
 *
 * Every text is treated as hostile:
 * - EXECUTE would run several statements in one text. A cursor never opens for PREPARE, but the error that says so only
 *   occurs if the text is a single statement that PREPARE accepts. Any other text fails earlier.
 * - The planner calls immutable functions with our privileges. PREPARE analyzes without planning, and its locks show
 *   which relations are meant. Nothing is planned that may reach code of an owner who is not trusted.
 * - The sender's search path is only set while the server analyzes and plans.
 *
 * The argument is `{budgetMs, outlives, statements: [{text, role, path, guessed, types, setting}]}`:
 * - `path` is in the format of SHOW search_path. Without it, the sender's setting or else the connection's is used, and
 *   the result is `guessed`.
 * - `setting` is the sender's setting at the previous planning. If `path` was taken from it, the current setting is
 *   used instead.
 * - `types` are the types of the parameters, if they are known.
 * - `text` is null if it cannot be sent.
 * - With `outlives`, a statement timeout ends only the planning, not the call.
 */
import { READS_WAIT, untilUnchanged, WRITES_WAIT, withChildren, wouldWait } from '../../sql/changing-code';
import {
  buildExpectNamesSql,
  buildJudgeNamedSql,
  buildJudgeTextSql,
  buildWordsSql,
  FIRST_OID,
  INLINE_JUDGMENT_SQL,
  INSTALLED_JUDGMENT_SQL,
  TRUST_VARIABLES_SQL,
} from '../../sql/trust';
import { NEEDED_PRIVILEGES_SQL, WITH_CATALOG_SQL } from './access';
import {
  ASSIGNED_COLUMNS_SQL,
  DEFAULTED_BY_TEXT_SQL,
  JUDGE_ERROR_SQL,
  JUDGE_INSERTS_SQL,
  JUDGE_UNPOPULATED_SQL,
  NAMED_SEQUENCES_SQL,
  RARITIES_SQL,
  RESULT_COLUMNS_SQL,
  SEQUENCES_BY_NAME_SQL,
  WRITTEN_RELATIONS_SQL,
} from './judge';
import { BY_PLACE, ROWS_BY_PLACE } from './places';

/** The settings through which the DO block receives the request and returns the answer. */
export const REQUEST_SETTING = 'trueup.asked';
export const ANSWER_SETTING = 'trueup.planned';

/** The server accepts longer statements, but applications do not send any. */
export const MAX_STATEMENT_BYTES = 1024 * 1024;

/**
 * Lock timeout of a statement. A waiting session keeps the locks that it has: with half a second, the application
 * became the victim of a deadlock.
 */
const LOCK_TIMEOUT = '15ms';

/** Written as an assignment, like everything that runs for each statement, because PERFORM would start the executor. */
const SET_OWN_PATH_SQL = `done := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)`;
const SET_SENDER_PATH_SQL = `done := set_config('search_path', path, true)`;

const IS_TOO_LONG_SQL = String.raw`sent IS NULL OR octet_length(sent) > ${MAX_STATEMENT_BYTES} OR sent ~ '\$0*(100[1-9]|10[1-9]\d|1[1-9]\d\d|[2-9]\d{3}|[1-9]\d{4,})'`;

const OWN_LOCKS_SQL = `
  FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= ${FIRST_OID}
    AND l.database = here`;

/**
 * Reads the relations of a statement from PREPARE's locks. Locks that the transaction already held in the same mode do
 * not show. So those of them that the text may name, or that rules and policies of its relations name, are added. These may
 * be too many but not too few.
 */
const RELATIONS_SQL = `
  SELECT coalesce(array_agg(l.relation), '{}'), coalesce(array_agg(l.mode), '{}')
    INTO oids, modes ${OWN_LOCKS_SQL} AND l.relation || l.mode <> ALL (locked);
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

/** The lowest oid that a domain can have. Types with lower oids are built in. */
const MIN_DOMAIN_OID = 10_000;

const TYPES_SQL = `
  IF major >= 16 THEN
    SELECT p.parameter_types, p.parameter_types::text[], p.result_types::text[], p.result_types::oid[] INTO types, parameters, results, returned
      FROM pg_prepared_statements p WHERE p.name = 'trueup_planned';
  ELSE
    SELECT p.parameter_types, p.parameter_types::text[] INTO types, parameters FROM pg_prepared_statements p WHERE p.name = 'trueup_planned';
  END IF;
  returned := types::oid[] || returned;
  bases := parameters;
  IF ${MIN_DOMAIN_OID} <= ANY (types::oid[]) THEN
    bases := ARRAY(
      WITH RECURSIVE base AS (
        SELECT u.n, t.oid, t.typbasetype FROM unnest(types) WITH ORDINALITY AS u (type, n) JOIN pg_type t ON t.oid = u.type
        UNION ALL SELECT base.n, t.oid, t.typbasetype FROM base JOIN pg_type t ON t.oid = base.typbasetype)
      SELECT format_type(oid, NULL) FROM base WHERE typbasetype = 0 ORDER BY n);
  END IF;`;

const EXPLAIN_SQL = `
  -- GENERIC_PLAN accepts the text, but no parameter types.
  IF major >= 16 AND typed IS NULL THEN
    command := 'EXPLAIN (VERBOSE, COSTS OFF, GENERIC_PLAN, FORMAT JSON) ' || sent;
    ${SET_SENDER_PATH_SQL};
    FOR plan IN EXECUTE command LOOP END LOOP;
  ELSE
    -- A NULL for a domain would be checked when it is passed, so the domain's base type is used.
    IF bases <> parameters THEN
      DEALLOCATE trueup_planned;
      prepared := false;
      command := 'PREPARE trueup_planned (' || array_to_string(bases, ', ') || ') AS ' || sent;
      ${SET_SENDER_PATH_SQL};
      EXECUTE command;
      prepared := true;
      ${SET_OWN_PATH_SQL};
    END IF;
    command := 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) EXECUTE trueup_planned' ||
      CASE WHEN bases = '{}' THEN '' ELSE '(' || array_to_string(array_fill('NULL'::text, ARRAY[cardinality(bases)]), ', ') || ')' END;
    ${SET_SENDER_PATH_SQL};
    EXECUTE command INTO plan;
  END IF;
  ${SET_OWN_PATH_SQL};`;

/**
 * Sets the names of the columns that `*` returns. The statement is planned as a CTE, whose scan prints them. Without `*`
 * the text determines the names. For a statement that cannot be a CTE (a WITH that writes), its own plan prints them.
 */
const RETURNED_NAMES_SQL = String.raw`
  IF words && '{table}' OR regexp_replace(sent, '\(\s*\*\s*\)', '', 'g') ~ '\*' THEN
    wrapped := E'WITH trueup_returned AS MATERIALIZED (\n' || sent || E'\n) SELECT * FROM trueup_returned';
    BEGIN
      IF major >= 16 AND typed IS NULL THEN
        wrapped := 'EXPLAIN (VERBOSE, COSTS OFF, GENERIC_PLAN, FORMAT JSON) ' || wrapped;
        ${SET_SENDER_PATH_SQL};
        FOR said IN EXECUTE wrapped LOOP END LOOP;
      ELSE
        DEALLOCATE trueup_planned;
        prepared := false;
        wrapped := 'PREPARE trueup_planned' || CASE WHEN bases = '{}' THEN '' ELSE ' (' || array_to_string(bases, ', ') || ')' END || ' AS ' || wrapped;
        ${SET_SENDER_PATH_SQL};
        EXECUTE wrapped;
        prepared := true;
        wrapped := 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) EXECUTE trueup_planned' ||
          CASE WHEN bases = '{}' THEN '' ELSE '(' || array_to_string(array_fill('NULL'::text, ARRAY[cardinality(bases)]), ', ') || ')' END;
        EXECUTE wrapped INTO said;
      END IF;
      ${SET_OWN_PATH_SQL};
      named_as := (SELECT jsonb_agg(regexp_replace(o.name, '^trueup_returned\.', '') ORDER BY o.n)
        FROM jsonb_array_elements_text(said::jsonb->0->'Plan'->'Output') WITH ORDINALITY AS o (name, n));
    EXCEPTION WHEN OTHERS THEN
      ${SET_OWN_PATH_SQL};
      -- The plan prints the names of columns that it selects from a part that writes.
      IF words && '{with}' THEN
        named_as := (SELECT jsonb_agg(coalesce((regexp_match(o.name, '^(?:(?:"(?:[^"]|"")+"|[\w$]+)\.)?("(?:[^"]|"")+"|[\w$]+)$'))[1], '?') ORDER BY o.n)
          FROM jsonb_array_elements_text(plan::jsonb->0->'Plan'->'Output') WITH ORDINALITY AS o (name, n));
      END IF;
    END;
  END IF;`;

/** Collects, by role name, the search path with which new sessions start; the role's own setting takes precedence over the database's. `''` is any role. */
const ROLE_SETTINGS_SQL = `
  settings := coalesce((SELECT jsonb_object_agg(s.who, s.value) FROM (
    SELECT DISTINCT ON (d.setrole) coalesce(r.rolname::text, '') AS who, substr(c.setting, 13) AS value
    FROM pg_db_role_setting d CROSS JOIN LATERAL unnest(d.setconfig) AS c (setting) LEFT JOIN pg_roles r ON r.oid = d.setrole
    WHERE d.setdatabase IN (0, here) AND starts_with(c.setting, 'search_path=') AND (d.setrole = 0 OR r.oid IS NOT NULL)
    ORDER BY d.setrole, d.setdatabase <> 0 DESC) AS s), '{}');`;

const buildStripBlanksSql = (text: string): string => `regexp_replace(${text}, '\\s', '', 'g')`;

/**
 * Sets the search path of a statement. If it came from a setting, the current setting replaces it. If there is no
 * setting any more, the server's default applies, which is not known.
 */
const CHOOSE_PATH_SQL = `
    setting := coalesce(settings->>sender, settings->>'', '');
    path := item->>'path';
    follows := path IS NULL OR ${buildStripBlanksSql('path')} = ${buildStripBlanksSql(`coalesce(nullif(item->>'setting', ''), session_path)`)} AND item->>'setting' <> setting;
    guessed := coalesce((item->>'guessed')::boolean, follows AND (setting = '' OR coalesce(item->>'setting' = setting, true)), false);
    IF follows THEN path := coalesce(nullif(setting, ''), session_path); END IF;`;

const VARIABLES_SQL = `
  major integer := current_setting('server_version_num')::integer / 10000;
  settings jsonb; setting text; follows boolean;
  ends timestamptz := clock_timestamp() + coalesce((asked->>'budgetMs')::float8, 60000) * interval '1 millisecond';
  here oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  session_path text := (SELECT reset_val FROM pg_settings WHERE name = 'search_path');
  contended text[] := '{}';${TRUST_VARIABLES_SQL}
  locked text[]; holding oid[];
  item jsonb; sent text; typed text; sender text; path text; guessed boolean; began timestamptz; words text[]; command text; phase text;
  outcome text; state text; why text; relation text; object text; said text; called text[]; candidate boolean;
  oids oid[]; modes text[]; assumed oid[]; verbs text[]; reads boolean;
  types regtype[]; returned oid[]; bases text[]; parameters text[]; results text[]; arbiters jsonb; deciding jsonb; plan text; prepared boolean; done text;
  musts oid[]; deferring oid[]; calling oid[]; unfilled oid[]; writes jsonb; defaults jsonb; bare_output jsonb; assigned int[]; shown text[]; nodes jsonb; node jsonb; source jsonb; target oid; written_to text; nulls boolean; missing text; among boolean; failing text;
  numbered text[]; empty text[]; uncounted jsonb; sequences jsonb := '{}'; sequence oid; takes jsonb; given jsonb; fills jsonb; named_as jsonb; wrapped text; by_place jsonb; ${BY_PLACE.variables}
  answers jsonb[] := '{}'; verdicts jsonb; stopped text; probe refcursor;`;

const buildPlanBodySql = (judgment: string, byPlace: string): string => `
  ${SET_OWN_PATH_SQL};
  -- A cancelled call may have left the prepared statement.
  IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'trueup_planned') THEN DEALLOCATE trueup_planned; END IF;
  ${RARITIES_SQL}
  ${ROLE_SETTINGS_SQL}
  SELECT coalesce(array_agg(l.relation || l.mode), '{}'), coalesce(array_agg(DISTINCT l.relation), '{}') INTO locked, holding ${OWN_LOCKS_SQL};
  FOR item IN SELECT value FROM jsonb_array_elements(asked->'statements') LOOP
    began := clock_timestamp();
    sent := item->>'text'; sender := item->>'role';
    ${CHOOSE_PATH_SQL}
    -- Only as a whole element, since a schema's name may contain quotes, which are doubled.
    IF sender IS NOT NULL THEN
      path := regexp_replace(path, '(^|,)(\\s*)"\\$user"(?=\\s*(,|$))',
        '\\1\\2"' || replace(replace(sender, '"', '""'), '\\', '\\\\') || '"', 'g');
    END IF;
    -- With the names that the server prints, because a text from outside must not be run.
    typed := (SELECT CASE WHEN bool_and(to_regtype(t.name) IS NOT NULL)
        THEN format(' (%s)', string_agg(format_type(to_regtype(t.name), NULL), ', ' ORDER BY t.n)) END
      FROM jsonb_array_elements_text(nullif(item->'types', 'null')) WITH ORDINALITY AS t (name, n));
    why := stopped; culprit := NULL; outcome := NULL; state := NULL; failing := NULL; relation := NULL; object := NULL; plan := NULL; words := '{}';
    prepared := false; oids := '{}'; modes := '{}'; assumed := '{}'; verbs := '{}'; reads := false; searched := '{}';
    parameters := '{}'; bases := '{}'; results := NULL; returned := NULL; arbiters := '[]'; phase := 'analyse'; numbered := '{}'; empty := '{}';
    fills := '[]'; named_as := NULL; writes := '[]'; defaults := '[]'; takes := '[]'; assigned := NULL; shown := '{}'; by_place := NULL;
    IF why IS NULL AND clock_timestamp() > ends THEN why := 'budget'; END IF;
    IF why IS NULL AND (${IS_TOO_LONG_SQL}) THEN why := 'long'; END IF;
    IF why IS NULL THEN
      words := ${buildWordsSql('sent')};
      IF words && contended THEN why := 'lock'; END IF;
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
        ${SET_SENDER_PATH_SQL};
        searched := pg_catalog.current_schemas(true);
        ${SET_OWN_PATH_SQL};
        -- Repeats until no code was added during the judgment, because a session whose lock is waited for may add some.
        FOR attempt IN 1 .. 5 LOOP
          ${untilUnchanged('prepared', buildExpectNamesSql("SELECT s.value->>'text' AS text FROM jsonb_array_elements(asked->'statements') AS s"))}
          IF attempt = 5 THEN RAISE lock_not_available; END IF;
          -- Judged before PREPARE, because an array literal of a domain calls the domain's checks.
          IF judging THEN
            ${buildJudgeTextSql(judgment)}
            IF why IS NULL AND NOT prepared AND EXISTS (SELECT FROM pg_type WHERE typtype = 'd' AND typowner = ANY (strangers))
              AND ${wouldWait('met_relations', READS_WAIT, 'here')} THEN RAISE lock_not_available; END IF;
          END IF;
          EXIT WHEN why IS NOT NULL;
          IF NOT prepared THEN
            ${SET_SENDER_PATH_SQL};
            EXECUTE command;
            prepared := true;
            ${SET_OWN_PATH_SQL};
            ${RELATIONS_SQL}
            ${TYPES_SQL}
          END IF;
          IF judging THEN
            named := ARRAY(SELECT 'pg_class'::regclass::oid || ':' || reached FROM unnest(oids) AS reached);
            ${buildJudgeNamedSql(judgment)}
            EXIT WHEN why IS NOT NULL;
            -- The partitions and children, which planning locks too.
            parts := ${withChildren('oids')};
            IF ${wouldWait('parts', `CASE WHEN 'RowExclusiveLock' = ANY (modes) THEN ${WRITES_WAIT} ELSE ${READS_WAIT} END`, 'here')}
            THEN RAISE lock_not_available; END IF;
          END IF;
        END LOOP;
        ${SET_OWN_PATH_SQL};
        IF why IS NULL THEN
          phase := 'plan';
          ${EXPLAIN_SQL}
          phase := 'names';
          ${RETURNED_NAMES_SQL}
          phase := 'judge';
          ${WRITTEN_RELATIONS_SQL}
          ${DEFAULTED_BY_TEXT_SQL}
          ${ASSIGNED_COLUMNS_SQL}
          ${RESULT_COLUMNS_SQL}
          ${NAMED_SEQUENCES_SQL}
          ${byPlace}
          ${ROWS_BY_PLACE}
          IF words && '{insert}' THEN
            ${JUDGE_INSERTS_SQL}
            IF jsonb_array_length(arbiters) > 1 THEN
              arbiters := (SELECT jsonb_agg(DISTINCT arbiter ORDER BY arbiter) FROM jsonb_array_elements_text(arbiters) AS arbiter);
            END IF;
          END IF;
          ${JUDGE_UNPOPULATED_SQL}
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
        ${JUDGE_ERROR_SQL}
      END IF;
      ${NEEDED_PRIVILEGES_SQL}
      ${SEQUENCES_BY_NAME_SQL}
    END IF;
    outcome := coalesce(outcome, CASE WHEN why IS NULL THEN 'plans' ELSE 'undecided' END);
    answers := answers || jsonb_build_object('outcome', outcome, 'state', CASE WHEN outcome <> 'undecided' THEN state END,
      'why', why, 'relation', relation, 'object', object, 'code', culprit, 'parameters', parameters, 'results', results,
      'bases', CASE WHEN bases <> parameters THEN bases END,
      'ids', CASE WHEN ${FIRST_OID} <= ANY (returned) THEN returned::text[] END,
      'nothing', CASE WHEN outcome = 'plans' AND plan::jsonb = '[]' THEN true END, 'arbiters', arbiters, 'names', named_as, 'fills', nullif(fills, '[]'), 'byPlace', by_place, 'numbered', CASE WHEN numbered <> '{}' THEN numbered END, 'empty', CASE WHEN empty <> '{}' THEN empty END,
      'sequences', CASE WHEN words && '{nextval}' AND sent ~* 'nextval\\s*\\(\\s*\\$' THEN sequences->(coalesce(sender, '')) END,
      'setting', setting, 'assigned', CASE WHEN assigned <> '{}' THEN assigned END,
      'ms', round((extract(epoch FROM clock_timestamp() - began) * 1000)::numeric, 1),
      '_', CASE WHEN oids <> '{}' OR words <> '{}' THEN jsonb_build_object('words', words, 'oids', oids::text[], 'modes', modes,
        'assumed', assumed::text[], 'searched', searched, 'verbs', verbs, 'reads', reads,
        'writes', writes, 'defaults', defaults, 'takes', takes, 'shown', shown) END);
  END LOOP;
  ${WITH_CATALOG_SQL}
  verdicts := coalesce(verdicts, '[]');`;

/** The block for a role that only has read privileges. It runs in a read-only transaction with the search path `pg_catalog, pg_temp`. */
export const PLAN_BLOCK_SQL = `DO $trueup$
#variable_conflict use_column
DECLARE
  asked jsonb := current_setting('${REQUEST_SETTING}')::jsonb;${VARIABLES_SQL}
BEGIN${buildPlanBodySql(INLINE_JUDGMENT_SQL, BY_PLACE.inPlace)}
  PERFORM set_config('${ANSWER_SETTING}', verdicts::text, false), set_config('${REQUEST_SETTING}', '', false);
END $trueup$`;

/** Removes indentation and comments, because a statement of the Data API has a maximum length. The only literals that span lines are arrays, which ignore blanks. */
const compact = (sql: string): string => sql.replace(/\n\s*--[^\n]*/g, '').replace(/\n\s+/g, '\n');

/** The function can also run in a transaction that has changed the schema and holds locks. It leaves no trace there. */
export const PLAN_FUNCTION_SQL = compact(`CREATE OR REPLACE FUNCTION trueup._plan(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE${VARIABLES_SQL}
BEGIN${buildPlanBodySql(INSTALLED_JUDGMENT_SQL, BY_PLACE.installed)}
  RETURN verdicts;
END
$fn$`);
