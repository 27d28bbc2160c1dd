/**
 * Parts of the block in `plan-function.ts` that turn the result of planning a statement into its verdict. Its variables are
 * declared there.
 */
import { FIRST_OID } from '../../sql/trust';
import { FAILURE_REASONS } from '../words';

const buildCodeArraySql = (of: object): string => `'{${Object.keys(of).join(',')}}'::text[]`;

/** For an error about a missing function, sets whether there is one of this name and number of arguments. */
const HAS_CANDIDATE_SQL = String.raw`
  called := regexp_match(said, '(?:"((?:[^"]|"")+)"|([^[:space:]("]+))\((.*)\)');
  candidate := called IS NULL OR EXISTS (
    SELECT FROM pg_proc f
    WHERE f.proname = coalesce(replace(called[1], '""', '"'), (regexp_match(called[2], '[^.]+$'))[1])
      AND (f.provariadic <> 0 OR CASE WHEN called[3] = '' THEN 0 ELSE
        length(called[3]) - length(replace(called[3], ',', '')) + 1 END BETWEEN f.pronargs - f.pronargdefaults AND f.pronargs));`;

/** Whether the text has a construct in which an untyped parameter becomes text: `sum(CASE WHEN vip THEN $1 ELSE $2 END)`, `= (SELECT $1)`. */
const MAKES_TEXT_SQL = String.raw`strpos(said, 'text') > 0 AND (words && '{union,intersect,except,case,coalesce,greatest,least,nullif,array,recursive}'
    OR sent ~* '.\yselect\y|\(\s*values\y')`;

/** Whether a table has a unique index with a predicate or an expression. Only then can a constant be the cause. */
const HAS_CONSTANTS_IN_INDEX_SQL = `EXISTS (
  SELECT FROM pg_index i WHERE i.indrelid = ANY (oids) AND i.indisunique AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL))`;

/**
 * Reason why a failure may be due to normalization: a constant that became a parameter lost its type, and equal
 * constants are no longer recognized as equal. The application's own statement may then succeed. If no function has the
 * name and number of arguments, no type would help.
 */
const UNTYPED_REASON_SQL = String.raw`CASE
  WHEN sent !~ '\$\d' THEN NULL
  WHEN state = '42P10' AND words && '{conflict}' THEN
    CASE WHEN sent ~* '\yon conflict\s*\(((?!\ydo\y).)*\$\d' AND (phase = 'analyse' OR ${HAS_CONSTANTS_IN_INDEX_SQL}) THEN 'constant' END
  WHEN typed IS NOT NULL THEN NULL
  WHEN state = '42883' AND candidate AND strpos(said, 'unknown') > 0 THEN 'untyped'
  WHEN state = '42883' AND candidate AND ${MAKES_TEXT_SQL} THEN 'untyped'
  WHEN state = '42804' AND (words && '{union,intersect,except,values,case,coalesce,greatest,least,array,recursive}' OR ${MAKES_TEXT_SQL}) THEN 'untyped'
  WHEN state = '42809' AND sent ~* '\y(any|some|all)\s*\(\s*\$\d' THEN 'untyped'
  WHEN state = '42803' AND sent ~* '\ygroup by\y.*\$\d' THEN 'untyped'
  WHEN state = '42P10' THEN 'untyped'
  WHEN state = '42P18' THEN 'untyped' END`;

/**
 * Whether an object outside a guessed search path has a name that the text contains. Temporary objects of other
 * sessions do not count: otherwise any session could turn a failure into an undecided verdict.
 */
const IS_IN_OTHER_SCHEMA_SQL = `
  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid >= ${FIRST_OID} AND NOT pg_is_other_temp_schema(n.oid)
      AND n.nspname NOT IN ('trueup', 'pg_toast') AND NOT n.nspname = ANY (searched)
      AND lower(c.relname::text COLLATE "C") = ANY (words))
  OR EXISTS (SELECT FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
    WHERE f.oid >= ${FIRST_OID} AND n.nspname <> 'trueup' AND NOT n.nspname = ANY (searched) AND NOT pg_is_other_temp_schema(n.oid)
      AND lower(f.proname::text COLLATE "C") = ANY (words))`;

/**
 * Whether the search path has a schema that the connected role may not use and that contains a name of the text.
 * PostgreSQL skips such a schema without an error, so the sender's objects "do not exist".
 */
const HAS_SKIPPED_SCHEMA_SQL = `EXISTS (SELECT FROM pg_namespace n
    WHERE strpos(lower(path), lower(n.nspname::text COLLATE "C")) > 0 AND NOT has_schema_privilege(n.oid, 'USAGE') AND (
      EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND lower(c.relname::text COLLATE "C") = ANY (words))
      OR EXISTS (SELECT FROM pg_proc f WHERE f.pronamespace = n.oid AND lower(f.proname::text COLLATE "C") = ANY (words))
      OR EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = n.oid AND lower(t.typname::text COLLATE "C") = ANY (words))))`;

/**
 * For published tables, the server rejects an UPDATE or DELETE without a replica identity before the first row (55000).
 * It does the same if the publication's condition or list of columns does not fit the replica identity (42P10). No other
 * cause of 55000 during planning concerns a table, nor one of 42P10 without ON CONFLICT.
 */
const LACKS_REPLICA_IDENTITY_SQL = `
  relation := CASE WHEN EXISTS (SELECT FROM pg_publication WHERE pubupdate OR pubdelete) THEN (
    WITH RECURSIVE part AS (
      SELECT u.oid FROM unnest(oids, modes) AS u (oid, mode) WHERE u.mode = 'RowExclusiveLock'
      UNION SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid)
    SELECT min(format('%I.%I', n.nspname, c.relname)) FROM part JOIN pg_class c ON c.oid = part.oid AND c.relkind IN ('r', 'p')
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE CASE WHEN state = '42P10' THEN EXISTS (SELECT FROM pg_publication_rel p WHERE p.prrelid = c.oid
      OR p.prrelid IN (SELECT up FROM pg_partition_ancestors(c.oid) AS up)) ELSE CASE c.relreplident WHEN 'n' THEN true
      WHEN 'd' THEN NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid)
      WHEN 'i' THEN NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid) ELSE false END END) END;
  IF relation IS NOT NULL THEN outcome := 'fails'; why := 'unidentified'; END IF;`;

/**
 * Judges an error by its SQLSTATE (`state`) and message (`said`); the message is not passed on. Errors of the analysis
 * come from the server itself. During planning, a function may raise any error.
 */
export const JUDGE_ERROR_SQL = `
  IF state = '42883' THEN ${HAS_CANDIDATE_SQL} END IF;
  why := CASE
    WHEN guessed AND (${IS_IN_OTHER_SCHEMA_SQL}) THEN 'path'
    WHEN phase = 'analyse' AND sender IS DISTINCT FROM current_user AND ${HAS_SKIPPED_SCHEMA_SQL} THEN 'permission'
    WHEN phase = 'judge' THEN 'other'
    WHEN phase = 'plan' AND state NOT IN ('42P10', '42809', '42501') THEN 'other'
    WHEN phase = 'plan' AND state <> '42501' AND NOT words && '{conflict}' THEN 'other'
    WHEN state = '42501' AND sender IS DISTINCT FROM current_user THEN 'permission'
    WHEN state = '42725' AND typed IS NULL AND sent ~ '\\$\\d' AND (strpos(said, 'unknown') > 0 OR ${MAKES_TEXT_SQL}) THEN 'overload'
    WHEN state = '55P04' THEN 'enum'
    ELSE coalesce(${UNTYPED_REASON_SQL}, CASE WHEN state <> ALL (${buildCodeArraySql(FAILURE_REASONS)}) THEN 'other' END) END;
  outcome := CASE WHEN why IS NULL THEN 'fails' ELSE 'undecided' END;
  IF phase = 'plan' AND (state = '55000' OR state = '42P10' AND NOT words && '{conflict}') THEN
    ${LACKS_REPLICA_IDENTITY_SQL}
  END IF;`;

/** Reads rare properties once per call, so that the checks of each statement are only made where they apply. */
export const RARITIES_SQL = `
  musts := ARRAY(
    WITH RECURSIVE domain AS (
      SELECT oid, typnotnull, typbasetype FROM pg_type WHERE typtype = 'd'
      UNION ALL SELECT domain.oid, b.typnotnull, b.typbasetype FROM domain JOIN pg_type b ON b.oid = domain.typbasetype)
    SELECT DISTINCT oid FROM domain WHERE typnotnull);
  deferring := ARRAY(SELECT DISTINCT indrelid FROM pg_index WHERE indisunique AND NOT indimmediate AND indisready);
  calling := ARRAY(
    SELECT a.adrelid FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
    WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
    UNION SELECT a.attrelid FROM pg_type t JOIN pg_attribute a ON a.atttypid = t.oid WHERE t.typtype = 'd' AND t.typdefaultbin IS NOT NULL);
  unfilled := ARRAY(SELECT oid FROM pg_class WHERE relkind = 'm' AND NOT relispopulated);`;

/** Sets the relations that the statement writes to, as `[command, oid]`. The plan shows those behind views too. */
export const WRITTEN_RELATIONS_SQL = `
  IF words && '{insert,update,delete,merge}' THEN
    writes := (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(o.command, c.oid::text)), '[]')
      FROM jsonb_path_query(plan::jsonb, 'strict $.**?(@.type() == "object" && @."Node Type" == "ModifyTable")') AS m (node)
        CROSS JOIN LATERAL (SELECT m.node->>'Operation' AS command
          UNION SELECT 'Update' WHERE m.node->>'Conflict Resolution' = 'UPDATE'
          UNION SELECT initcap(verb) FROM unnest('{insert,update,delete}'::text[]) AS verb
            WHERE m.node->>'Operation' = 'Merge' AND verb = ANY (words)) AS o
        CROSS JOIN LATERAL jsonb_array_elements(jsonb_build_array(m.node) || coalesce(m.node->'Target Tables', '[]')) AS t (part)
        JOIN pg_namespace s ON s.nspname = t.part->>'Schema' JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = t.part->>'Relation Name');
  END IF;`;

/**
 * Sets the columns that an UPDATE sets to their default, and those that the INSERT of a MERGE leaves out. No plan shows
 * them, so the text decides: an INSERT of a MERGE without a list of columns leaves out an unknown number.
 */
export const DEFAULTED_BY_TEXT_SQL = String.raw`
  IF words && '{update,merge}' AND words && '{default}' OR words @> '{merge,insert}' THEN
    defaults := (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(w.pair->>1, a.attnum)), '[]')
      FROM jsonb_array_elements(writes) AS w (pair) JOIN pg_attribute a ON a.attrelid = (w.pair->>1)::oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attgenerated = '',
        LATERAL (SELECT regexp_replace(a.attname, '([^[:alnum:]_])', '\', 'g') AS name) AS x
      WHERE CASE w.pair->>0
        WHEN 'Update' THEN words && '{default}' AND sent ~* ('(\yset\s+|,\s*)"?' || x.name || '"?\s*=\s*default\y|\(([^()]*[,"\s])?' || x.name || '["\s,)][^=]*=\s*(row\s*)?\([^()]*\ydefault\y')
        WHEN 'Insert' THEN words && '{merge}' AND sent ~* '\yinsert\s*\(' AND lower(a.attname::text COLLATE "C") <> ALL (words) END);
  END IF;`;

/** Finds a scanned materialized view without data. One that the planner has removed from the plan does not count. */
export const JUDGE_UNPOPULATED_SQL = `
  IF unfilled && oids AND outcome IS DISTINCT FROM 'would-fail' THEN
    written_to := (SELECT min(format('%I.%I', s.nspname, c.relname))
      FROM jsonb_path_query(plan::jsonb, 'strict $.**?(@.type() == "object" && exists(@."Relation Name"))') AS m (node)
        JOIN pg_namespace s ON s.nspname = m.node->>'Schema'
        JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = m.node->>'Relation Name' AND c.oid = ANY (unfilled));
    IF written_to IS NOT NULL THEN
      outcome := 'fails'; state := '55000'; why := 'unpopulated'; relation := written_to;
    END IF;
  END IF;`;

/**
 * Parameters that the statement only stores, each of them used once. The server casts them as in an assignment,
 * whatever their type. A VALUES list with anything else is not evaluated.
 */
const STORED_VALUE_PATTERN = String.raw`\s*(?:\$\d+|default|null)\s*`;
export const ASSIGNED_COLUMNS_SQL = String.raw`
  IF parameters <> '{}' AND words && '{insert,update,merge}' THEN
    assigned := ARRAY(
      SELECT a.n FROM (
        SELECT (regexp_matches(l.list, '\$(\d+)', 'g'))[1]::int AS n
          FROM substring(sent FROM '(?i)\yvalues\s*((?:\(${STORED_VALUE_PATTERN}(?:,${STORED_VALUE_PATTERN})*\)\s*,?\s*)+)(?:\yon\y|\yreturning\y|;|$)') AS l (list) WHERE words && '{insert}'
        UNION ALL SELECT (regexp_matches(sent, '(?:\yset\s+|,\s*)(?:"[^"]+"|[\w$]+)\s*=\s*\$(\d+)\s*(?=,|;|$|\ywhere\y|\yfrom\y|\yreturning\y)', 'gi'))[1]::int) AS a
        JOIN (SELECT m.p[1]::int AS n FROM regexp_matches(sent, '\$(\d+)', 'g') AS m (p) GROUP BY 1 HAVING count(*) = 1) AS once USING (n)
      ORDER BY 1);
  END IF;`;

/** Sets the columns that the result contains unchanged, because the result's types have no lengths. */
export const RESULT_COLUMNS_SQL = String.raw`
  shown := ARRAY(SELECT DISTINCT replace(coalesce(p.parts[1], p.parts[2]), '""', '"')
    FROM jsonb_array_elements_text(plan::jsonb->0->'Plan'->'Output') AS o (name),
      LATERAL (SELECT regexp_match(o.name, '^(?:(?:"(?:[^"]|"")+"|[\w$]+)\.)?(?:"((?:[^"]|"")+)"|([\w$]+))$') AS parts) AS p
    WHERE p.parts IS NOT NULL);`;

/** Matches a value that the statement supplies, as the plan prints it: a parameter, or a column of VALUES or of a query. */
const GIVEN_VALUE_PATTERN = String.raw`\$\d+|(?:"[^"]+"|[a-z_]\w*)\.(?:"[^"]+"|[a-z_]\w*)`;

/** Finds the first required column without a value, and whether one of several rows may lack a value. */
const MISSING_COLUMN_SQL = String.raw`
  SELECT (array_agg(attname ORDER BY attnum) FILTER (WHERE required AND printed LIKE 'NULL::%'))[1],
      coalesce(bool_or(required AND printed LIKE '%*VALUES*%' AND (nulls OR bare AND words && '{default}')), false),
      numbered || coalesce(array_agg(named) FILTER (WHERE printed LIKE 'nextval(%'), '{}'),
      empty || coalesce(array_agg(named) FILTER (WHERE NOT required AND printed LIKE 'NULL::%'), '{}'),
      jsonb_agg(jsonb_build_array(attname, replace(
          substring(printed FROM '^nextval\(\(''((?:[^'']|'''')+)''::text\)::regclass\)'), '''''', '''')))
        FILTER (WHERE printed LIKE 'nextval((%'),
      jsonb_object_agg(attname, jsonb_build_array(given, attnum)) FILTER (WHERE given IS NOT NULL)
    INTO missing, among, numbered, empty, uncounted, given
    FROM (SELECT a.attnum, a.attname, NOT a.atthasdef AND a.attidentity = '' AS bare, source->'Output'->>(a.attnum - 1) AS printed,
        a.attnotnull OR a.atttypid = ANY (musts) AS required, format('%s.%I', written_to, a.attname) AS named
      FROM pg_attribute a
      WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
      LATERAL (SELECT CASE WHEN strpos(printed, '''') = 0 THEN substring(printed FROM '${GIVEN_VALUE_PATTERN}') END AS given OFFSET 0) AS value;
  fills := fills || jsonb_build_object('into', written_to, 'given', given);`;

/** Checks defaults that name their sequence by a text, as old dumps do. No dependency protects such a sequence, and the text is resolved at each call. */
const MISSING_SEQUENCE_SQL = `
  FOR called IN SELECT ARRAY[u.pair->>0, u.pair->>1] FROM jsonb_array_elements(uncounted) AS u (pair) LOOP
    done := set_config('search_path', path, true);
    sequence := pg_catalog.to_regclass(called[2]);
    done := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    IF sequence IS NOT NULL THEN takes := takes || jsonb_build_array(jsonb_build_array(sequence::text, 'USAGE, UPDATE', written_to)); END IF;
    CONTINUE WHEN sequence IS NOT NULL OR called[2] IS NULL;
    IF guessed THEN why := coalesce(why, 'path'); ELSE missing := called[1]; state := '42P01'; END IF;
  END LOOP;`;

/**
 * Finds the columns that get their default. The planner may replace a call with its result, so the plan is compared
 * with that of an INSERT without any values.
 */
const DEFAULTED_COLUMNS_SQL = `
  bare_output := NULL;
  IF target = ANY (calling) THEN
    BEGIN
      command := format('EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) INSERT INTO %I.%I DEFAULT VALUES', node->>'Schema', node->>'Relation Name');
      done := set_config('search_path', path, true);
      EXECUTE command INTO said;
      done := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
      bare_output := jsonb_path_query_first(said::jsonb, 'strict $[0].Plan.Plans[0].Output');
    EXCEPTION WHEN OTHERS THEN
      done := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    END;
  END IF;
  defaults := defaults || coalesce((SELECT jsonb_agg(jsonb_build_array(target::text, a.attnum)) FROM pg_attribute a
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND (source->'Output'->>(a.attnum - 1) LIKE '%nextval(%' AND NOT words && '{nextval}'
        OR source->'Output'->(a.attnum - 1) = bare_output->(a.attnum - 1))), '[]');`;

const MAX_SEQUENCES = 1_000;

/** Lists the sequences that `nextval($1)` may mean: all that the role may use, or none if there are too many. */
export const SEQUENCES_BY_NAME_SQL = `
  IF words && '{nextval}' AND sequences->(coalesce(sender, '')) IS NULL THEN
    sequences := sequences || jsonb_build_object(coalesce(sender, ''), (SELECT CASE WHEN count(*) BETWEEN 1 AND ${MAX_SEQUENCES} THEN jsonb_agg(s.name ORDER BY s.name) ELSE '[]' END FROM (
      SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_roles r ON r.rolname = sender
      WHERE c.relkind = 'S' AND c.oid >= ${FIRST_OID} AND c.relpersistence <> 't'
        AND coalesce(has_sequence_privilege(r.oid, c.oid, 'USAGE, UPDATE'), true)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
      ORDER BY 1 LIMIT ${MAX_SEQUENCES} + 1) s));
  END IF;`;

/** Finds the sequences that the text names in a literal. */
export const NAMED_SEQUENCES_SQL = String.raw`
  IF words && '{nextval,setval,currval}' THEN
    FOR called IN SELECT regexp_matches(sent, '\y(nextval|setval|currval)\s*\(\s*''((?:[^'']|'''')+)''', 'gi') LOOP
      called[2] := replace(called[2], '''''', '''');
      done := set_config('search_path', path, true);
      sequence := pg_catalog.to_regclass(called[2]);
      done := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
      IF sequence IS NOT NULL THEN
        takes := takes || jsonb_build_array(jsonb_build_array(sequence::text,
          CASE lower(called[1]) WHEN 'nextval' THEN 'USAGE, UPDATE' WHEN 'setval' THEN 'UPDATE' ELSE 'USAGE, SELECT' END, NULL));
      END IF;
    END LOOP;
  END IF;`;

/** Whether a row trigger of the table or of a partition may set the value. Triggers that only fire on a replica do not count. */
const IS_FILLED_BY_TRIGGER_SQL = `
  EXISTS (
    WITH RECURSIVE tree AS (
      SELECT target AS oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid)
    SELECT FROM tree JOIN pg_trigger g ON g.tgrelid = tree.oid
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype::integer & 7 = 7
      AND (g.tgenabled <> 'R' OR current_setting('session_replication_role') = 'replica')
      AND (g.tgenabled <> 'O' OR current_setting('session_replication_role') <> 'replica'))`;

/**
 * Judges each INSERT in the plan, including those in CTEs. An output column of the plan is the value of the table's
 * column of that number. Without a conflict target, every unique index is an arbiter. VALUES always has a row; any
 * other source may return none.
 */
export const JUDGE_INSERTS_SQL = `
  nodes := jsonb_path_query_array(plan::jsonb,
    'strict $.**?(@.type() == "object" && @."Node Type" == "ModifyTable" && @.Operation == "Insert")');
  nulls := sent ~* '[(,]\\s*null\\y';
  FOR i IN 0 .. jsonb_array_length(nodes) - 1 LOOP
    node := nodes->i;
    deciding := node->'Conflict Arbiter Indexes';
    arbiters := arbiters || coalesce(deciding, '[]');
    source := jsonb_path_query_first(node, 'strict $.Plans[*]?(@."Parent Relationship" != "InitPlan" && exists(@.Output))');
    written_to := format('%I.%I', node->>'Schema', node->>'Relation Name');
    -- Not to_regclass(), which requires USAGE on the schema: a role that writes through a view need not have it.
    target := (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = node->>'Schema' AND c.relname = node->>'Relation Name');
    CONTINUE WHEN source IS NULL OR target IS NULL OR outcome = 'would-fail';
    ${MISSING_COLUMN_SQL}
    ${DEFAULTED_COLUMNS_SQL}
    state := CASE WHEN missing IS NOT NULL THEN '23502' END;
    IF missing IS NULL AND uncounted IS NOT NULL THEN
      ${MISSING_SEQUENCE_SQL}
    END IF;
    IF missing IS NULL AND node ? 'Conflict Resolution' AND target = ANY (deferring) THEN
      missing := (SELECT min(x.oid::regclass::text) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = target AND i.indisunique AND NOT i.indimmediate AND i.indisready
          AND (deciding IS NULL OR deciding ? x.relname::text));
      state := CASE WHEN missing IS NOT NULL THEN '55000' END;
    END IF;
    IF state IS NULL THEN
      -- With DEFAULT or NULL in one of several rows, the plan does not show the column.
      IF among AND source->>'Node Type' = 'Values Scan' THEN why := coalesce(why, 'default'); END IF;
    ELSIF state = '23502' AND ${IS_FILLED_BY_TRIGGER_SQL} THEN
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
