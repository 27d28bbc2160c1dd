/** From what planning one statement came to, to its verdict: parts of the block in `plan.ts`, which says what the variables are. */
import { FAILURES } from '../words';
import { FIRST_OID } from './trust';

const states = (of: object): string => `'{${Object.keys(of).join(',')}}'::text[]`;

/** Of a function that does not exist: is there one of this name and number of arguments? */
const HAS_CANDIDATE = String.raw`
  called := regexp_match(said, '(?:"((?:[^"]|"")+)"|([^[:space:]("]+))\((.*)\)');
  candidate := called IS NULL OR EXISTS (
    SELECT FROM pg_proc f
    WHERE f.proname = coalesce(replace(called[1], '""', '"'), (regexp_match(called[2], '[^.]+$'))[1])
      AND (f.provariadic <> 0 OR CASE WHEN called[3] = '' THEN 0 ELSE
        length(called[3]) - length(replace(called[3], ',', '')) + 1 END BETWEEN f.pronargs - f.pronargdefaults AND f.pronargs));`;

/** What makes text of a parameter that has no type: `sum(CASE WHEN vip THEN $1 ELSE $2 END)`, `= (SELECT $1)`. */
const MAKES_TEXT = String.raw`strpos(said, 'text') > 0 AND (words && '{union,intersect,except,case,coalesce,greatest,least,nullif,array,recursive}'
    OR sent ~* '.\yselect\y|\(\s*values\y')`;

/** A constant may only be in the way where an index of its table has one, in its predicate or in an expression. */
const CONSTANTS_IN_INDEX = `EXISTS (
  SELECT FROM pg_index i WHERE i.indrelid = ANY (oids) AND i.indisunique AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL))`;

/**
 * A constant that became a parameter lost its type, and two of the same value are no longer the same: the application's own
 * statement may well plan. Without a function of this name and number of arguments no type of a value helps.
 */
const UNTYPED = String.raw`CASE
  WHEN sent !~ '\$\d' THEN NULL
  WHEN state = '42P10' AND words && '{conflict}' THEN
    CASE WHEN sent ~* '\yon conflict\s*\(((?!\ydo\y).)*\$\d' AND (phase = 'analyse' OR ${CONSTANTS_IN_INDEX}) THEN 'constant' END
  WHEN typed IS NOT NULL THEN NULL
  WHEN state = '42883' AND candidate AND strpos(said, 'unknown') > 0 THEN 'untyped'
  WHEN state = '42883' AND candidate AND ${MAKES_TEXT} THEN 'untyped'
  WHEN state = '42804' AND (words && '{union,intersect,except,values,case,coalesce,greatest,least,array,recursive}' OR ${MAKES_TEXT}) THEN 'untyped'
  WHEN state = '42809' AND sent ~* '\y(any|some|all)\s*\(\s*\$\d' THEN 'untyped'
  WHEN state = '42803' AND sent ~* '\ygroup by\y.*\$\d' THEN 'untyped'
  WHEN state = '42P10' THEN 'untyped'
  WHEN state = '42P18' THEN 'untyped' END`;

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
 * A schema of its path that the connected role may not use is passed over without a word: what the sender finds there "does not
 * exist". Does one of these hold something of a name in the text?
 */
const PASSED_OVER = `EXISTS (SELECT FROM pg_namespace n
    WHERE strpos(lower(path), lower(n.nspname::text COLLATE "C")) > 0 AND NOT has_schema_privilege(n.oid, 'USAGE') AND (
      EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND lower(c.relname::text COLLATE "C") = ANY (words))
      OR EXISTS (SELECT FROM pg_proc f WHERE f.pronamespace = n.oid AND lower(f.proname::text COLLATE "C") = ANY (words))
      OR EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = n.oid AND lower(t.typname::text COLLATE "C") = ANY (words))))`;

/**
 * Of `state`, the SQLSTATE, and `said`, the server's words, which stay here. What analysis raises is the server's own; while
 * it plans, a function may raise anything.
 */
export const JUDGE_ERROR = `
  IF state = '42883' THEN ${HAS_CANDIDATE} END IF;
  why := CASE
    WHEN guessed AND (${ELSEWHERE}) THEN 'path'
    WHEN phase = 'analyse' AND sender IS DISTINCT FROM current_user AND ${PASSED_OVER} THEN 'permission'
    WHEN phase = 'judge' THEN 'other'
    WHEN phase = 'plan' AND state NOT IN ('42P10', '42809', '42501') THEN 'other'
    WHEN phase = 'plan' AND state <> '42501' AND NOT words && '{conflict}' THEN 'other'
    WHEN state = '42501' AND sender IS DISTINCT FROM current_user THEN 'permission'
    WHEN state = '42725' AND typed IS NULL AND sent ~ '\\$\\d' AND (strpos(said, 'unknown') > 0 OR ${MAKES_TEXT}) THEN 'overload'
    WHEN state = '55P04' THEN 'enum'
    ELSE coalesce(${UNTYPED}, CASE WHEN state <> ALL (${states(FAILURES)}) THEN 'other' END) END;
  outcome := CASE WHEN why IS NULL THEN 'fails' ELSE 'undecided' END;`;

/** Once for the whole call, since it is asked for each INSERT: what is rare, and what is only looked at where it is. */
export const RARITIES = `
  musts := ARRAY(
    WITH RECURSIVE domain AS (
      SELECT oid, typnotnull, typbasetype FROM pg_type WHERE typtype = 'd'
      UNION ALL SELECT domain.oid, b.typnotnull, b.typbasetype FROM domain JOIN pg_type b ON b.oid = domain.typbasetype)
    SELECT DISTINCT oid FROM domain WHERE typnotnull);
  deferring := ARRAY(SELECT DISTINCT indrelid FROM pg_index WHERE indisunique AND NOT indimmediate AND indisready);`;

/** The first column that must have a value and gets none; and whether one of several rows may leave one out. */
const MISSING = String.raw`
  SELECT (array_agg(attname ORDER BY attnum) FILTER (WHERE required AND printed LIKE 'NULL::%'))[1],
      coalesce(bool_or(required AND printed LIKE '%*VALUES*%' AND (nulls OR bare AND words && '{default}')), false),
      numbered || coalesce(array_agg(named) FILTER (WHERE printed LIKE 'nextval(%'), '{}'),
      empty || coalesce(array_agg(named) FILTER (WHERE NOT required AND printed LIKE 'NULL::%'), '{}'),
      jsonb_agg(jsonb_build_array(attname, replace(
          substring(printed FROM '^nextval\(\(''((?:[^'']|'''')+)''::text\)::regclass\)'), '''''', '''')))
        FILTER (WHERE printed LIKE 'nextval((%')
    INTO missing, among, numbered, empty, uncounted
    FROM (SELECT a.attnum, a.attname, NOT a.atthasdef AND a.attidentity = '' AS bare, source->'Output'->>(a.attnum - 1) AS printed,
        a.attnotnull OR a.atttypid = ANY (musts) AS required, format('%s.%I', written_to, a.attname) AS named
      FROM pg_attribute a
      WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns;`;

/** A default that names its sequence by a text, as old dumps write it: nothing holds the sequence, and the text is read anew each time. */
const NO_SEQUENCE = `
  FOR called IN SELECT ARRAY[u.pair->>0, u.pair->>1] FROM jsonb_array_elements(uncounted) AS u (pair) LOOP
    done := set_config('search_path', path, true);
    candidate := pg_catalog.to_regclass(called[2]) IS NOT NULL;
    done := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    CONTINUE WHEN candidate OR called[2] IS NULL;
    IF guessed THEN why := coalesce(why, 'path'); ELSE missing := called[1]; state := '42P01'; END IF;
  END LOOP;`;

const MOST_SEQUENCES = 1_000;

/** What `nextval($1)` names only the application knows: any of them, unless there are too many to say. */
export const CALLS_BY_NAME = `
  IF words && '{nextval}' AND sequences IS NULL THEN
    sequences := (SELECT coalesce(jsonb_agg(s.name ORDER BY s.name), '[]') FROM (
      SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND c.oid >= ${FIRST_OID} AND c.relpersistence <> 't'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
      ORDER BY 1 LIMIT ${MOST_SEQUENCES} + 1) s);
    IF jsonb_array_length(sequences) > ${MOST_SEQUENCES} THEN sequences := '[]'; END IF;
  END IF;`;

/** A row trigger may put a value in place, also one of a partition. Those that only a replica fires do not count. */
const FILLS = `
  EXISTS (
    WITH RECURSIVE tree AS (
      SELECT target AS oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid)
    SELECT FROM tree JOIN pg_trigger g ON g.tgrelid = tree.oid
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype::integer & 7 = 7
      AND (g.tgenabled <> 'R' OR current_setting('session_replication_role') = 'replica')
      AND (g.tgenabled <> 'O' OR current_setting('session_replication_role') <> 'replica'))`;

/**
 * Each INSERT in the plan, also below CTEs and beside one another. What stands at a column's number is what the column gets.
 * Without a target of ON CONFLICT every unique index decides. VALUES always has a row; everything else may return none.
 */
export const JUDGE_INSERTS = `
  nodes := jsonb_path_query_array(plan::jsonb,
    'strict $.**?(@.type() == "object" && @."Node Type" == "ModifyTable" && @.Operation == "Insert")');
  nulls := sent ~* '[(,]\\s*null\\y';
  FOR i IN 0 .. jsonb_array_length(nodes) - 1 LOOP
    node := nodes->i;
    deciding := node->'Conflict Arbiter Indexes';
    arbiters := arbiters || coalesce(deciding, '[]');
    source := jsonb_path_query_first(node, 'strict $.Plans[*]?(@."Parent Relationship" != "InitPlan" && exists(@.Output))');
    written_to := format('%I.%I', node->>'Schema', node->>'Relation Name');
    -- By the catalogue: to_regclass wants USAGE of the schema, which who writes through a view need not have.
    target := (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = node->>'Schema' AND c.relname = node->>'Relation Name');
    CONTINUE WHEN source IS NULL OR target IS NULL OR outcome = 'would-fail';
    ${MISSING}
    state := CASE WHEN missing IS NOT NULL THEN '23502' END;
    IF missing IS NULL AND uncounted IS NOT NULL THEN
      ${NO_SEQUENCE}
    END IF;
    IF missing IS NULL AND node ? 'Conflict Resolution' AND target = ANY (deferring) THEN
      missing := (SELECT min(x.oid::regclass::text) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = target AND i.indisunique AND NOT i.indimmediate AND i.indisready
          AND (deciding IS NULL OR deciding ? x.relname::text));
      state := CASE WHEN missing IS NOT NULL THEN '55000' END;
    END IF;
    IF state IS NULL THEN
      -- DEFAULT or NULL in one of several rows: the plan does not show in which column.
      IF among AND source->>'Node Type' = 'Values Scan' THEN why := coalesce(why, 'default'); END IF;
    ELSIF state = '23502' AND ${FILLS} THEN
      why := coalesce(why, 'filled');
    ELSIF source->>'Node Type' IN ('Result', 'Values Scan') AND NOT source ?| '{One-Time Filter,Filter}'
        AND NOT coalesce(source @? '$.Plans[*]?(@."Parent Relationship" == "Outer")', false) THEN
      outcome := 'would-fail'; why := NULL; failing := state; relation := written_to; object := missing;
    ELSE
      why := coalesce(why, 'rows');
    END IF;
  END LOOP;
  state := failing;
  outcome := coalesce(outcome, CASE WHEN why IS NOT NULL THEN 'undecided' ELSE 'plans' END);`;
