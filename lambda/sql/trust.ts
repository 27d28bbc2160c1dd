/**
 * Decides whose code may run, or be planned, with the privileges of the login (`session_user`). Planning also runs
 * code: the planner calls functions of column defaults, index predicates, views and policies, and whatever the names in
 * a text resolve to.
 *
 * Everything here is SQL for queries that any role may run under a pinned search path. It is used in the block that
 * plans statements, in functions of the schema trueup, and in separate queries.
 */

/** First OID that is not the server's own (FirstNormalObjectId). */
export const FIRST_OID = 16_384;

/** Returns the SQL of an array of the lower-case words in a text, which are all of its possible names. */
export const buildWordsSql = (text: string): string =>
  `regexp_split_to_array(lower(${text} COLLATE "C"), '[\\x01-\\x23\\x25-\\x2f\\x3a-\\x5e\\x60\\x7b-\\x7f]+')`;

/** Begins the comment that marks a role as created by Trueup. The name of its database follows. */
export const OWN_LOGIN_COMMENT = 'Login of Trueup for database ';

/**
 * SQL for an array of the roles that own something in the database and are not trusted. A role is trusted if
 * - it is a superuser, or
 * - it can become the login or a superuser, whatever the options of its memberships: a role with ADMIN can grant itself
 *   the others, and before PostgreSQL 16, CREATEROLE can grant itself any role except superusers; or
 * - it already has everything that the login has: each attribute, each role that the login can become, and each object
 *   or privilege. CONNECT and CREATE on databases, privileges on the schema public, the schema trueup, and anything in
 *   databases that the role owns do not count.
 *
 * Owning the database does not make a role trusted. Nor does a function's membership in an extension (ALTER EXTENSION …
 * ADD accepts any function).
 */
export const UNTRUSTED_ROLES_SQL = `ARRAY(
    WITH RECURSIVE me AS MATERIALIZED (SELECT * FROM pg_roles WHERE rolname = session_user),
    here AS MATERIALIZED (SELECT oid, datdba FROM pg_database WHERE datname = current_database()),
    owner (oid) AS MATERIALIZED (
      SELECT proowner FROM pg_proc WHERE oid >= ${FIRST_OID}
      UNION SELECT relowner FROM pg_class WHERE oid >= ${FIRST_OID} AND NOT pg_is_other_temp_schema(relnamespace)
      UNION SELECT typowner FROM pg_type WHERE oid >= ${FIRST_OID} AND typrelid = 0 AND NOT pg_is_other_temp_schema(typnamespace)
      UNION SELECT oprowner FROM pg_operator WHERE oid >= ${FIRST_OID} AND NOT pg_is_other_temp_schema(oprnamespace)
      UNION SELECT nspowner FROM pg_namespace WHERE nspname = 'trueup'),
    edge (member, role) AS MATERIALIZED (
      SELECT member, roleid FROM pg_auth_members
      UNION SELECT c.oid, r.oid FROM pg_roles c CROSS JOIN pg_roles r
        WHERE c.rolcreaterole AND NOT r.rolsuper AND current_setting('server_version_num')::int < 160000
      -- From PostgreSQL 14 on this role stands for the owner of the database.
      UNION SELECT pair.member, pair.role FROM here, pg_roles r, LATERAL (VALUES (here.datdba, r.oid), (r.oid, here.datdba)) AS pair (member, role)
        WHERE r.rolname = 'pg_database_owner'),
    becomes (oid) AS (
      SELECT oid FROM pg_roles WHERE rolsuper OR rolname = session_user
      UNION SELECT e.member FROM becomes JOIN edge e ON e.role = becomes.oid),
    candidate AS MATERIALIZED (
      SELECT r.oid FROM owner JOIN pg_roles r USING (oid), me
      WHERE r.oid NOT IN (SELECT oid FROM becomes) AND NOT me.rolsuper AND me.rolcreaterole <= r.rolcreaterole
        AND me.rolcreatedb <= r.rolcreatedb AND me.rolreplication <= r.rolreplication AND me.rolbypassrls <= r.rolbypassrls),
    reach (start, oid) AS (
      SELECT oid, oid FROM candidate UNION SELECT oid, oid FROM me
      UNION SELECT reach.start, e.role FROM reach JOIN edge e ON e.member = reach.oid),
    needed AS MATERIALIZED (
      SELECT r.oid FROM me JOIN reach ON reach.start = me.oid JOIN pg_roles r ON r.oid = reach.oid
      WHERE r.oid <> me.oid AND r.rolname NOT IN ('rds_iam', 'rds_password', 'pg_read_all_stats')),
    ours AS MATERIALIZED (SELECT oid FROM pg_namespace WHERE nspname = 'trueup' OR nspname ~ '^pg_(toast_)?temp_'),
    own (dbid) AS MATERIALIZED (
      SELECT DISTINCT d.dbid FROM pg_shdepend d, me, here
      WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = me.oid AND d.deptype IN ('o', 'a', 'i', 'r')
        AND d.classid <> 'pg_auth_members'::regclass
        AND NOT (d.classid = 'pg_database'::regclass AND d.deptype = 'a')
        -- Schema public has this number in every database; it may have another number here if it was created again.
        AND NOT (d.classid = 'pg_namespace'::regclass AND d.deptype = 'a'
          AND (d.objid = 2200 OR d.dbid = here.oid AND d.objid IN (SELECT oid FROM pg_namespace WHERE nspname = 'public')))
        AND NOT (d.dbid = here.oid AND coalesce(CASE d.classid
            WHEN 'pg_namespace'::regclass THEN d.objid
            WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = d.objid)
            WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = d.objid)
            WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = d.objid) END IN (SELECT oid FROM ours), false)))
    SELECT oid FROM owner
    WHERE oid NOT IN (SELECT oid FROM becomes) AND NOT (oid IN (SELECT oid FROM candidate)
      AND NOT EXISTS (SELECT FROM needed WHERE NOT EXISTS (
        SELECT FROM reach WHERE reach.start = owner.oid AND reach.oid = needed.oid))
      AND NOT EXISTS (SELECT FROM own WHERE NOT EXISTS (
        SELECT FROM pg_database b JOIN reach ON reach.start = owner.oid AND reach.oid = b.datdba WHERE b.oid = own.dbid))))`;

/**
 * Functions that run something that only their arguments name: a relation, a query, the checks of a type. They are
 * built in or belong to extensions. A superuser may own them even if another role installed the extension.
 */
const DYNAMIC_FUNCTIONS = `'{table_to_xml,table_to_xmlschema,table_to_xml_and_xmlschema,query_to_xml,query_to_xmlschema,query_to_xml_and_xmlschema,
  cursor_to_xml,cursor_to_xmlschema,schema_to_xml,schema_to_xmlschema,schema_to_xml_and_xmlschema,database_to_xml,database_to_xmlschema,
  database_to_xml_and_xmlschema,ts_stat,ts_rewrite,domain_in,domain_recv,array_in,array_recv,record_in,record_recv,range_in,range_recv,
  multirange_in,multirange_recv,pg_input_is_valid,pg_input_error_info}'::name[]`;

const IS_RUNNER = `(f.oid < ${FIRST_OID} AND f.proname = ANY (${DYNAMIC_FUNCTIONS}) OR f.oid >= ${FIRST_OID} AND f.probin ~ '(^|/)(tablefunc|pgxml|dblink)$')`;

/** Languages whose code is not in the catalog, so the names that it uses are not known. For all others the catalog has the text. */
const IS_COMPILED_SQL = `l.lanname IN ('c', 'internal')`;

/** Pattern of names that can be written without quotes. All other names are searched for in the text. */
const LOWERCASE_NAME_PATTERN = `'^[a-z_][a-z0-9_$]*$'`;

/** The SQL of arrays of oids that are the same for all judgments of one call. */
export interface TrustContext {
  /** The result of {@link UNTRUSTED_ROLES_SQL}. */
  readonly strangers: string;
  /** The result of {@link QUOTED_NAMES_SQL}. Those of {@link buildUntrustedOperatorsSql} and {@link buildUntrustedCastsSql} follow. */
  readonly odd: string;
  readonly operators: string;
  readonly casts: string;
}

/** Functions, relations and types whose names can only be written in quotes. */
export const QUOTED_NAMES_SQL = `ARRAY(
    SELECT oid FROM pg_class WHERE oid >= ${FIRST_OID} AND relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND relname !~ ${LOWERCASE_NAME_PATTERN}
    UNION ALL SELECT oid FROM pg_proc WHERE oid >= ${FIRST_OID} AND proname !~ ${LOWERCASE_NAME_PATTERN}
    UNION ALL SELECT oid FROM pg_type WHERE oid >= ${FIRST_OID} AND typtype IN ('d', 'r', 'm') AND typname !~ ${LOWERCASE_NAME_PATTERN})`;

/**
 * Returns the SQL of an array of the operators whose code is untrusted or may call untrusted code. The planner may
 * replace an operator with its commutator or negator.
 */
export const buildUntrustedOperatorsSql = (strangers: string): string => `ARRAY(
    SELECT o.oid FROM pg_operator o WHERE o.oid >= ${FIRST_OID} AND EXISTS (
      SELECT FROM pg_operator other JOIN pg_proc f ON f.oid = other.oprcode JOIN pg_language l ON l.oid = f.prolang
      WHERE other.oid IN (o.oid, o.oprcom, o.oprnegate) AND (f.proowner = ANY (${strangers}) OR NOT ${IS_COMPILED_SQL} OR ${IS_RUNNER})))`;

export const buildUntrustedCastsSql = (strangers: string): string => `ARRAY(
    SELECT c.oid FROM pg_cast c JOIN pg_proc f ON f.oid = c.castfunc JOIN pg_language l ON l.oid = f.prolang
    WHERE c.oid >= ${FIRST_OID} AND (f.proowner = ANY (${strangers}) OR NOT ${IS_COMPILED_SQL}))`;

/** A text that calls functions. */
interface CodeText {
  /** Without its literals and comments, as {@link buildStrippedTextSql} makes it. */
  readonly bare: string;
  /** The result of {@link buildWordsSql}. */
  readonly words: string;
  /** The words as `name[]`. A cast in a condition would run for each row of a catalog, and no index could be used. */
  readonly names: string;
  /** The result of {@link buildCallLevelsSql}. */
  readonly levels: string;
  /** Whether `bare` shows every call with its arguments. */
  readonly exact: string;
  /** Array of the schemas in which names of the text are looked up. */
  readonly path: string;
  /** The result of {@link UNTRUSTED_ROLES_SQL}. */
  readonly strangers: string;
}

/**
 * Returns the SQL for a text without its comments and with '' for each literal. Identifiers are kept. An E'…' can
 * continue on the next line, and an e at the end of a longer word does not start one.
 */
export const buildStrippedTextSql = (text: string): string =>
  String.raw`regexp_replace(${text}, '(?:--[^\n\r]*|/\*(?:[^*]|\*+[^*/])*\*+/)' ||
    '|[eE]('')(?:[^''\\]|\\.|'''')*('')(?:(?:\s|--[^\n\r]*[\n\r])+''(?:[^''\\]|\\.|'''')*'')*|('')[^'']*('')' ||
    '|("(?:[^"]|"")*"|[^\x01-\x40\x5b-\x5e\x60\x7b-\x7f][^\x01-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*)', ' \1\2\3\4\5 ', 'g')`;

/** Condition for a function `f` of the language `l` that takes arguments and may execute SQL that is built from them. */
const RUNS_ARGUMENTS = String.raw`(l.lanname = 'plpgsql' AND f.pronargs > 0
          AND ${buildStrippedTextSql('f.prosrc')} ~* '\yexecute\y(?!\s*''''\s*(;|\yinto\y|\yusing\y|\yloop\y))')`;

/**
 * Returns the SQL for whether the server reads the text as `bare` shows it. That is not certain if quotes or backslashes
 * are left, if comments may be nested, or if the text has something that {@link buildStrippedTextSql} cannot read: dollar
 * quotes, names by code points, or names longer than the server's limit.
 */
const buildIsExactSql = (bare: string, text: string): string =>
  String.raw`(${bare} !~ '(^|[^''])''([^'']|$)|\\' AND ${text} !~* '/\*([^*]|\*+[^*/])*/\*|u&"|[a-z0-9_$]{60}'
    AND ${text} !~ '\$([^\x01-\x40\x5b-\x5e\x60\x7b-\x7f][^\x01-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*)?\$')`;

/** Returns the SQL of `bare` if it is exact, or else of the whole text, where words in literals and comments count too. */
const buildSearchTextSql = (bare: string, text: string): string =>
  `CASE WHEN ${buildIsExactSql(bare, text)} THEN ${bare} ELSE ${text} END`;

/**
 * Returns the condition that a text may refer to names in schema `n`. No text can refer to temporary objects of other sessions. What
 * is in schema trueup is Trueup's own, unless an untrusted role owns the schema.
 */
const buildIsVisibleSql = ({ names, path, strangers }: CodeText): string =>
  `(n.nspname = ANY (${path}) OR n.nspname = ANY (${names}) OR n.nspname !~ ${LOWERCASE_NAME_PATTERN} OR n.oid = pg_my_temp_schema())
        AND (n.nspname <> 'trueup' OR n.nspowner = ANY (${strangers})) AND NOT pg_is_other_temp_schema(n.oid)`;

/**
 * Returns the condition that the text may contain the object's name. The array of the objects with these names is built
 * once, with the index on names. With an OR instead, every row would be compared with every name.
 */
const buildIsNamedSql = (
  catalog: string,
  name: string,
  oid: string,
  { bare, names }: CodeText,
  odd: string,
): string =>
  `(${oid} = ANY (ARRAY(SELECT named.oid FROM ${catalog} named WHERE named.${name.replace(/.*\./, '')} = ANY (${names})) || ${odd})
        AND (${oid} <> ALL (${odd}) OR ${name} = ANY (${names}) OR strpos(${bare}, replace(${name}::text, '"', '""')) > 0))`;

const FUNCTION_NAME_SQL = "replace(f.proname::text, '$', '\\$')";

/** Each name in quotes counts as one word, whatever characters it contains. */
const UNQUOTE_ARGUMENTS = String.raw`'("[[:alnum:]_$]*")|(")[^"]*(")', '\1\2\3', 'g'`;

/** Returns the SQL of an array of versions of the text. Each replaces the innermost parentheses of the previous one. */
const buildCallLevelsSql = (bare: string): string => `ARRAY(
      WITH RECURSIVE level (text, depth) AS (
        SELECT regexp_replace(${bare}, ${UNQUOTE_ARGUMENTS}), 0
        UNION ALL SELECT regexp_replace(text, '[([][^][()]*[])]', ' ? ', 'g'), depth + 1 FROM level
          WHERE depth < 500 AND text ~ '[([][^][()]*[])]')
      SELECT text FROM level ORDER BY depth)`;

/**
 * Returns the SQL for whether the text may call the function `f`, by its number of arguments. With one argument, `x.f` is
 * a call too. A name that is not a lower-case word counts as called wherever it occurs.
 */
const buildIsCalledSql = ({
  exact,
  levels,
}: CodeText): string => String.raw`(NOT (${exact}) OR f.proname !~ ${LOWERCASE_NAME_PATTERN} OR EXISTS (
      SELECT FROM unnest(${levels}) WITH ORDINALITY AS level (text, depth)
      WHERE depth = 501 OR text !~ '[([][^][()]*[])]' AND text ~ '[][()]'
        OR (f.pronargs - f.pronargdefaults <= 1 AND f.pronargs >= 1 OR f.provariadic <> 0) AND depth = 1
          AND text ~* ('\.\s*"?' || ${FUNCTION_NAME_SQL} || '(?![[:alnum:]_$])')
        OR EXISTS (
          SELECT FROM regexp_matches(text, '(?:^|[^[:alnum:]_$])"?' || ${FUNCTION_NAME_SQL} || '"?\s*\(([^][()]*)\)', 'gi') AS call (given),
            LATERAL (SELECT regexp_replace(given[1], '\sorder\s+by\s.*$', '', 'i') AS list) AS l
          WHERE f.prokind = 'a' OR list ~* '\yvariadic\y'
            OR CASE WHEN list ~ '^\s*\*?\s*$' THEN 0 ELSE length(list) - length(replace(list, ',', '')) + 1 END
              BETWEEN f.pronargs - f.pronargdefaults AND CASE WHEN f.provariadic <> 0 THEN 1664 ELSE f.pronargs END)))`;

/**
 * Returns the SQL of an array of types: those of the relations' columns, those that the text names, those that the
 * functions it calls accept or return, and the types that these consist of.
 */
const buildUsedTypesSql = (relations: string, text: CodeText, odd: string): string => `ARRAY(
      WITH RECURSIVE met (oid) AS (
        SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = ANY (${relations}) AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= ${FIRST_OID}
        UNION SELECT c.reltype FROM pg_class c WHERE c.oid = ANY (${relations})
        UNION SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
          WHERE t.oid >= ${FIRST_OID} AND ${buildIsNamedSql('pg_type', 't.typname', 't.oid', text, odd)} AND ${buildIsVisibleSql(text)}
        UNION SELECT used.oid FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace,
            LATERAL unnest(f.prorettype || f.proargtypes::oid[] || coalesce(f.proallargtypes, '{}')) AS used (oid)
          WHERE f.oid >= ${FIRST_OID} AND ${buildIsNamedSql('pg_proc', 'f.proname', 'f.oid', text, odd)} AND ${buildIsVisibleSql(text)}
        UNION SELECT made.oid FROM met, LATERAL (
          SELECT unnest(ARRAY[t.typbasetype, t.typelem, t.typarray]) FROM pg_type t WHERE t.oid = met.oid
          UNION ALL SELECT unnest(ARRAY[r.rngsubtype, (to_jsonb(r) ->> 'rngmultitypid')::oid]) FROM pg_range r WHERE r.rngtypid = met.oid
          UNION ALL SELECT r.rngtypid FROM pg_range r WHERE (to_jsonb(r) ->> 'rngmultitypid')::oid = met.oid
          UNION ALL SELECT a.atttypid FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
            WHERE t.oid = met.oid AND t.typtype = 'c') AS made (oid) WHERE made.oid >= ${FIRST_OID})
      SELECT oid FROM met WHERE oid >= ${FIRST_OID})`;

/** Returns the SQL of an array of the relations that the text may name. */
export const buildNamedRelationsSql = (text: CodeText, odd: string): string => `ARRAY(
      SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid >= ${FIRST_OID} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND ${buildIsNamedSql('pg_class', 'c.relname', 'c.oid', text, odd)} AND ${buildIsVisibleSql(text)})`;

/** IN, LIKE, BETWEEN, CASE, NULLIF and JOIN USING call operators that the text does not show. */
const IMPLICIT_OPERATOR_WORDS = `'{in,like,ilike,similar,between,case,nullif,using,natural,distinct,any,some,all}'::text[]`;
const IMPLICIT_OPERATORS = `'{=,<>,<,>,<=,>=,~,~~,!~~,~~*,!~~*}'::name[]`;

/**
 * Returns a query for everything that the text may name or call, as rows of `class` and `oid`. An operator or cast
 * counts only if each of its operands has a built-in type or one of `types`.
 */
const buildNamedObjectsSql = (
  text: CodeText,
  { strangers, odd, operators, casts }: TrustContext,
  relations: string,
  types: string,
): string => {
  const fits = (type: string) => `(${type} < ${FIRST_OID} OR ${type} = ANY (${types}))`;
  return `
      SELECT 'pg_class'::regclass::oid AS class, oid FROM unnest(${relations}) AS oid
      UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE t.oid >= ${FIRST_OID} AND t.typtype IN ('d', 'r', 'm', 'b') AND ${buildIsNamedSql('pg_type', 't.typname', 't.oid', text, odd)} AND ${buildIsVisibleSql(text)}
      UNION ALL SELECT 'pg_proc'::regclass, f.oid
        FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace JOIN pg_language l ON l.oid = f.prolang
        WHERE f.oid >= ${FIRST_OID} AND (f.proowner = ANY (${strangers}) OR NOT ${IS_COMPILED_SQL} OR f.prokind = 'a' OR ${IS_RUNNER})
          AND ${buildIsNamedSql('pg_proc', 'f.proname', 'f.oid', text, odd)} AND ${buildIsVisibleSql(text)} AND ${buildIsCalledSql(text)}
      UNION ALL SELECT 'pg_proc'::regclass, f.oid FROM pg_proc f
        WHERE f.oid < ${FIRST_OID} AND f.proname = ANY (${DYNAMIC_FUNCTIONS}) AND f.proname = ANY (${text.names})
      UNION ALL SELECT 'pg_operator'::regclass, o.oid FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
        WHERE o.oid = ANY (${operators}) AND (o.oprname = ANY (${IMPLICIT_OPERATORS}) AND ${text.words} && ${IMPLICIT_OPERATOR_WORDS} OR strpos(${text.bare}, o.oprname::text) > 0
            OR o.oprname = '<>' AND strpos(${text.bare}, '!=') > 0)
          AND ${buildIsVisibleSql(text)} AND ${fits('o.oprleft')} AND ${fits('o.oprright')}
      UNION ALL SELECT 'pg_proc'::regclass, c.castfunc FROM pg_cast c
        WHERE c.oid = ANY (${casts}) AND ${fits('c.castsource')} AND ${fits('c.casttarget')}`;
};

/** A function's own search_path, as an array of schemas; null without one. `$user` is the caller. */
const FUNCTION_SEARCH_PATH_SQL = String.raw`(SELECT ARRAY(SELECT btrim(part, ' "') FROM unnest(string_to_array(substr(setting, 13), ',')) AS part)
            || CASE WHEN strpos(setting, '$user') > 0 THEN ARRAY[session_user::text, current_user::text] END || 'pg_catalog'::text
          FROM unnest(f.proconfig) AS setting WHERE setting LIKE 'search\_path=%')`;

const FUNCTION_BODY: Omit<CodeText, 'strangers'> = {
  bare: 'own.bare',
  words: 'own.words',
  names: 'own.names',
  levels: 'called.levels',
  exact: 'own.exact',
  path: 'own.path',
};

/** Returns the SQL of the objects that an object consists of or calls. Triggers are left out, since none fires during planning. */
const buildDependenciesSql = (grounds: TrustContext): string => {
  const body: CodeText = { ...FUNCTION_BODY, strangers: grounds.strangers };
  return `
      SELECT 'pg_class'::regclass::oid, i.inhrelid FROM pg_inherits i WHERE at.class = 'pg_class'::regclass AND i.inhparent = at.oid
      -- A partition's constraint consists of its parent's partition keys.
      UNION ALL SELECT 'pg_partitioned_table'::regclass, i.inhparent FROM pg_inherits i JOIN pg_partitioned_table p ON p.partrelid = i.inhparent
        WHERE at.class IN ('pg_class'::regclass, 'pg_partitioned_table'::regclass) AND i.inhrelid = at.oid
      UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE at.class = 'pg_class'::regclass AND i.indrelid = at.oid
      UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r WHERE at.class = 'pg_class'::regclass AND r.ev_class = at.oid
      UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p WHERE at.class = 'pg_class'::regclass AND p.polrelid = at.oid
      UNION ALL SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a WHERE at.class = 'pg_class'::regclass AND a.adrelid = at.oid
      UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s WHERE at.class = 'pg_class'::regclass AND s.stxrelid = at.oid
      UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k
        WHERE at.class = 'pg_class'::regclass AND k.conrelid = at.oid AND k.contype = 'c'
      UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k
        WHERE at.class = 'pg_type'::regclass AND k.contypid = at.oid AND k.contype = 'c'
      -- Reading and building a row runs the checks of its columns' types.
      UNION ALL SELECT 'pg_type'::regclass, a.atttypid FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
        WHERE at.class = 'pg_type'::regclass AND t.oid = at.oid AND t.typrelid <> 0 AND a.atttypid >= ${FIRST_OID}
      -- to_json() and the like look for such a cast when they run, so nothing depends on it.
      UNION ALL SELECT 'pg_proc'::regclass, c.castfunc FROM pg_cast c
        WHERE at.class = 'pg_type'::regclass AND c.castsource = at.oid AND c.casttarget IN ('json'::regtype, 'jsonb'::regtype) AND c.castfunc <> 0
      UNION ALL SELECT 'pg_opclass'::regclass, o.oid FROM pg_opclass o
        WHERE at.class = 'pg_type'::regclass AND o.opcintype = at.oid AND o.oid >= ${FIRST_OID}
      UNION ALL SELECT 'pg_proc'::regclass, p.amproc::oid FROM pg_opclass o JOIN pg_amproc p ON p.amprocfamily = o.opcfamily
        WHERE at.class = 'pg_opclass'::regclass AND o.oid = at.oid
      UNION ALL SELECT 'pg_operator'::regclass, p.amopopr FROM pg_opclass o JOIN pg_amop p ON p.amopfamily = o.opcfamily
        WHERE at.class = 'pg_opclass'::regclass AND o.oid = at.oid AND p.amopopr >= ${FIRST_OID}
      UNION ALL SELECT 'pg_proc'::regclass, other.oprcode::oid FROM pg_operator o JOIN pg_operator other ON other.oid IN (o.oid, o.oprcom, o.oprnegate)
        JOIN pg_proc f ON f.oid = other.oprcode
        WHERE at.class = 'pg_operator'::regclass AND o.oid = at.oid AND (f.oid >= ${FIRST_OID} OR ${IS_RUNNER})
      UNION ALL SELECT d.refclassid, d.refobjid FROM pg_depend d
        WHERE d.classid = CASE WHEN at.class = 'pg_partitioned_table'::regclass THEN 'pg_class'::regclass ELSE at.class END
          AND d.objid = at.oid AND d.refobjid >= ${FIRST_OID} AND (d.objsubid = 0 OR at.class <> 'pg_partitioned_table'::regclass)
          AND (d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_opclass'::regclass)
            OR d.refclassid = 'pg_class'::regclass AND at.class IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass))
      -- The objects that a function's text may name or call.
      UNION ALL SELECT named.class, named.oid
        FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang,
          LATERAL (SELECT ${buildStrippedTextSql('f.prosrc')} AS bare, ${buildWordsSql('f.prosrc')} AS words, coalesce(${FUNCTION_SEARCH_PATH_SQL}, at.path) AS path OFFSET 0) AS source,
          LATERAL (SELECT ${buildSearchTextSql('source.bare', 'f.prosrc')} AS bare, source.words, source.words::name[] AS names, source.path,
            l.lanname IN ('sql', 'plpgsql') AND NOT source.words && '{execute}' AND ${buildIsExactSql('source.bare', 'f.prosrc')} AS exact OFFSET 0) AS own,
          LATERAL (SELECT CASE WHEN own.exact THEN ${buildCallLevelsSql('own.bare')} END AS levels OFFSET 0) AS called,
          LATERAL (SELECT ${buildNamedRelationsSql(body, grounds.odd)} AS relations OFFSET 0) AS met,
          LATERAL (${buildNamedObjectsSql(
            body,
            grounds,
            'met.relations',
            `CASE WHEN ${grounds.operators} <> '{}' OR ${grounds.casts} <> '{}' THEN
              ${buildUsedTypesSql('met.relations', body, grounds.odd)} || f.proargtypes::oid[] || f.prorettype END`,
          )}) AS named
        WHERE at.class = 'pg_proc'::regclass AND f.oid = at.oid AND NOT ${IS_COMPILED_SQL} AND f.proowner <> ALL (${grounds.strangers}) AND f.pronamespace <> ALL (
          ARRAY(SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'trueup' AND n.nspowner <> ALL (${grounds.strangers})))`;
};

/** The expressions of an object, as the server stores them. pg_depend does not contain their calls of built-in functions. */
const EXPRESSION_TREES_SQL = `
      SELECT a.adbin::text FROM pg_attrdef a WHERE at.class = 'pg_attrdef'::regclass AND a.oid = at.oid
      UNION ALL SELECT r.ev_action::text || r.ev_qual::text FROM pg_rewrite r WHERE at.class = 'pg_rewrite'::regclass AND r.oid = at.oid
      UNION ALL SELECT concat(p.polqual, p.polwithcheck) FROM pg_policy p WHERE at.class = 'pg_policy'::regclass AND p.oid = at.oid
      UNION ALL SELECT k.conbin::text FROM pg_constraint k WHERE at.class = 'pg_constraint'::regclass AND k.oid = at.oid
      UNION ALL SELECT concat(i.indexprs, i.indpred) FROM pg_index i WHERE at.class = 'pg_class'::regclass AND i.indexrelid = at.oid
      UNION ALL SELECT to_jsonb(s) ->> 'stxexprs' FROM pg_statistic_ext s WHERE at.class = 'pg_statistic_ext'::regclass AND s.oid = at.oid
      UNION ALL SELECT p.partexprs::text FROM pg_partitioned_table p
        WHERE at.class IN ('pg_class'::regclass, 'pg_partitioned_table'::regclass) AND p.partrelid = at.oid
      UNION ALL SELECT concat(f.proargdefaults, to_jsonb(f) ->> 'prosqlbody') FROM pg_proc f WHERE at.class = 'pg_proc'::regclass AND f.oid = at.oid
      UNION ALL SELECT t.typdefaultbin::text FROM pg_type t WHERE at.class = 'pg_type'::regclass AND t.oid = at.oid`;

/**
 * Returns a query that finds, for each of `roots`, the first object that is not trusted. Its rows have `root`, `why`
 * (`code` or `foreign`), `role` and `object`. Trusted roots have no row.
 * @param roots array of texts `class:oid`
 * @param path array of the schemas for functions without their own search_path
 */
export const buildUntrustedSql = (roots: string, grounds: TrustContext, path: string): string => `
    WITH RECURSIVE root (name, class, oid) AS MATERIALIZED (
      SELECT DISTINCT r.name, split_part(r.name, ':', 1)::oid, split_part(r.name, ':', 2)::oid FROM unnest(${roots}) AS r (name)),
    -- An object with a search path, or an edge to one. Each object is expanded once for each path.
    at (class, oid, path, from_class, from_oid, from_path) AS (
      SELECT root.class, root.oid, (${path}) COLLATE "C", NULL::oid, NULL::oid, NULL::text[] COLLATE "C" FROM root
      UNION
      SELECT step.* FROM at, LATERAL (
        SELECT at.class, at.oid, at.path, NULL::oid, NULL::oid, NULL::text[] COLLATE "C" WHERE at.from_oid IS NOT NULL
        UNION ALL
        SELECT next.class, next.oid, coalesce((SELECT ${FUNCTION_SEARCH_PATH_SQL} FROM pg_proc f
            WHERE at.class = 'pg_proc'::regclass AND f.oid = at.oid AND f.proconfig IS NOT NULL), at.path) COLLATE "C", at.class, at.oid, at.path
          FROM (${buildDependenciesSql(grounds)}) AS next (class, oid) WHERE at.from_oid IS NULL) AS step),
    runner AS MATERIALIZED (
      SELECT ':funcid (' || string_agg(oid::text, '|') || ')\\M' AS called FROM pg_proc WHERE oid < ${FIRST_OID} AND proname = ANY (${DYNAMIC_FUNCTIONS})),
    met AS MATERIALIZED (SELECT class, oid, path FROM at WHERE from_oid IS NULL),
    found AS (
      SELECT at.*, 1 AS rank, 'foreign' AS why, c.relowner AS role, format('foreign table %I.%I', n.nspname, c.relname) AS object
        FROM met AS at JOIN pg_class c ON at.class = 'pg_class'::regclass AND c.oid = at.oid AND c.relkind = 'f' JOIN pg_namespace n ON n.oid = c.relnamespace
      UNION ALL SELECT at.*, 0, 'code', f.proowner, 'function ' || f.oid::regprocedure::text
        FROM met AS at JOIN pg_proc f ON at.class = 'pg_proc'::regclass AND f.oid = at.oid
        WHERE f.proowner = ANY (${grounds.strangers}) OR ${IS_RUNNER}
      UNION ALL SELECT at.*, 2, 'code', 0, format('function %s runs what its arguments name', f.oid::regprocedure)
        FROM met AS at JOIN pg_proc f ON at.class = 'pg_proc'::regclass AND f.oid = at.oid JOIN pg_language l ON l.oid = f.prolang
        WHERE ${RUNS_ARGUMENTS}
      UNION ALL SELECT at.*, 2, 'code', 0, format('%s calls a function that runs what its arguments name', pg_describe_object(at.class, at.oid, 0))
        FROM met AS at, runner, LATERAL (${EXPRESSION_TREES_SQL}) AS tree (text) WHERE tree.text ~ runner.called),
    -- From the untrusted objects back to the roots.
    bad (class, oid, path, rank, why, role, object) AS (
      SELECT * FROM found
      UNION
      SELECT at.from_class, at.from_oid, at.from_path, bad.rank, bad.why, bad.role, bad.object
      FROM bad JOIN at ON at.from_oid IS NOT NULL AND at.class = bad.class AND at.oid = bad.oid AND at.path = bad.path)
    SELECT DISTINCT ON (root.name) root.name AS root, bad.why, CASE WHEN role <> 0 THEN pg_get_userbyid(role)::text END AS role, object
    FROM root JOIN bad ON bad.class = root.class AND bad.oid = root.oid AND bad.path = (${path}) COLLATE "C"
    ORDER BY root.name, rank, object`;

/** Returns a query for everything that a text may name or call, as rows of `class:oid`. Every name in the query has its schema. */
export const buildRootsSql = (text: string, grounds: TrustContext, path: string): string => {
  const own: CodeText = {
    bare: 'own.bare',
    words: 'own.words',
    names: 'own.names',
    levels: 'called.levels',
    exact: 'own.exact',
    path,
    strangers: grounds.strangers,
  };
  return `SELECT DISTINCT found.class || ':' || found.oid
      FROM (SELECT ${buildStrippedTextSql(text)} AS bare OFFSET 0) AS source,
        LATERAL (SELECT ${buildSearchTextSql('source.bare', text)} AS bare, ${buildWordsSql(text)} AS words, ${buildIsExactSql('source.bare', text)} AS exact OFFSET 0) AS read,
        LATERAL (SELECT read.*, read.words::name[] AS names OFFSET 0) AS own,
        LATERAL (SELECT CASE WHEN own.exact THEN ${buildCallLevelsSql('own.bare')} END AS levels OFFSET 0) AS called,
        LATERAL (SELECT ${buildNamedRelationsSql(own, grounds.odd)} AS relations OFFSET 0) AS met,
        LATERAL (${buildNamedObjectsSql(
          own,
          grounds,
          'met.relations',
          `CASE WHEN ${grounds.operators} <> '{}' OR ${grounds.casts} <> '{}' THEN ${buildUsedTypesSql('met.relations', own, grounds.odd)} END`,
        )}) AS found`;
};

const BLOCK_TRUST_CONTEXT: TrustContext = {
  strangers: 'strangers',
  odd: 'odd',
  operators: 'operators',
  casts: 'casts',
};

/** Variables of a block that judges texts. The parts of such a block follow. */
export const TRUST_VARIABLES_SQL = `
  judging boolean; strangers oid[]; odd oid[] := '{}'; operators oid[] := '{}'; casts oid[] := '{}';
  -- If set, the text consists of expressions over the columns of this relation and reads no other.
  columns_of oid; searched text[]; bare text; exact boolean; bare_words text[]; names name[]; levels text[]; met_relations oid[]; met_types oid[];
  named text[]; expected text[] := '{}'; roots text[]; unknown text[]; harmless text[] := '{}'; harmful jsonb := '{}';
  paths text[] := '{}'; place int; culprit jsonb; code_seen text := ''; code_now text; parts oid[] := '{}'; held oid;`;

/** Builds SQL that collects the relations and functions that texts name, in any schema. @param texts SQL of rows of `text` */
export const buildExpectNamesSql = (texts: string): string => `
  IF judging THEN
    expected := ARRAY(
      WITH word AS MATERIALIZED (SELECT array_agg(DISTINCT w.word)::name[] AS words FROM (${texts}) AS t, LATERAL unnest(${buildWordsSql('t.text')}) AS w (word))
      SELECT 'pg_class'::regclass::oid || ':' || c.oid FROM word, pg_class c
        WHERE c.relname = ANY (word.words) AND c.oid >= ${FIRST_OID} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      UNION ALL SELECT 'pg_proc'::regclass::oid || ':' || f.oid FROM word, pg_proc f JOIN pg_language l ON l.oid = f.prolang
        WHERE f.proname = ANY (word.words) AND f.oid >= ${FIRST_OID} AND NOT ${IS_COMPILED_SQL});
  END IF;`;

/** Finds the untrusted roles. Without any, and without foreign tables, nothing has to be judged. */
export const FIND_UNTRUSTED_ROLES_SQL = `
  strangers := ${UNTRUSTED_ROLES_SQL};
  judging := strangers <> '{}' OR EXISTS (SELECT FROM pg_class WHERE relkind = 'f');
  IF judging THEN
    odd := ${QUOTED_NAMES_SQL};
    operators := ${buildUntrustedOperatorsSql('strangers')};
    casts := ${buildUntrustedCastsSql('strangers')};
  END IF;`;

/**
 * The judgment for callers where schema trueup may be missing, and for those where it is installed. The text is the
 * same, but a statement of the Data API has no room for it twice.
 */
export const INLINE_JUDGMENT_SQL = buildUntrustedSql('unknown', BLOCK_TRUST_CONTEXT, 'searched');
export const INSTALLED_JUDGMENT_SQL =
  'SELECT * FROM trueup._untrusted(unknown, strangers, odd, operators, casts, searched)';
export const UNTRUSTED_FUNCTION_SQL = `CREATE OR REPLACE FUNCTION trueup._untrusted(
  roots text[], strangers oid[], odd oid[], operators oid[], casts oid[], searched text[])
RETURNS TABLE (root text, why text, role text, object text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $fn$
#variable_conflict use_column
BEGIN
  RETURN QUERY ${buildUntrustedSql('roots', BLOCK_TRUST_CONTEXT, 'searched')};
END
$fn$`;

/** Builds SQL that judges each object once per call and search path, and the expected ones all together. */
const buildJudgeUnknownSql = (judgment: string): string => `
  roots := named;
  place := array_position(paths, searched::text);
  IF place IS NULL THEN
    paths := paths || searched::text; place := cardinality(paths); roots := roots || expected;
  END IF;
  roots := ARRAY(SELECT DISTINCT root || ':' || place FROM unnest(roots) AS root);
  unknown := ARRAY(SELECT root FROM unnest(roots) AS root WHERE root <> ALL (harmless) AND NOT harmful ? root);
  IF unknown <> '{}' THEN
    harmful := harmful || coalesce((SELECT jsonb_object_agg(u.root, jsonb_build_object('why', u.why, 'role', u.role, 'object', u.object))
      FROM (${judgment}) AS u), '{}');
    harmless := harmless || ARRAY(SELECT root FROM unnest(unknown) AS root WHERE NOT harmful ? root);
  END IF;`;

/** Sets `why` and `culprit` (the object and its owner) if one of the objects is not trusted. */
const FIND_CULPRIT_SQL = `
  culprit := (SELECT harmful -> (root || ':' || place) FROM unnest(named) AS root WHERE harmful ? (root || ':' || place)
    ORDER BY harmful -> (root || ':' || place) ->> 'why', root LIMIT 1);
  IF culprit IS NOT NULL THEN why := culprit ->> 'why'; culprit := culprit - 'why'; END IF;`;

/**
 * Builds SQL that judges the objects in `named` under the search path whose schemas are `searched`.
 * @param judgment {@link INLINE_JUDGMENT_SQL} or {@link INSTALLED_JUDGMENT_SQL}
 */
export const buildJudgeNamedSql = (judgment: string): string =>
  `${buildJudgeUnknownSql(judgment)}${FIND_CULPRIT_SQL}`;

/** The variables that {@link READ_TEXT} sets for the text `sent`. */
export const SENT_TEXT: CodeText = {
  bare: 'bare',
  words: 'bare_words',
  names: 'names',
  levels: 'levels',
  exact: 'exact',
  path: 'searched',
  strangers: 'strangers',
};

/** Sets `bare`, `exact`, `bare_words` and `names` of the text `sent`. */
export const READ_TEXT = `
  bare := ${buildStrippedTextSql('sent')};
  exact := ${buildIsExactSql('bare', 'sent')};
  IF NOT exact THEN bare := sent; END IF;
  bare_words := ${buildWordsSql('bare')};
  names := bare_words::name[];`;

/** Builds SQL that checks whether everything that the text `sent` may name or call is trusted. */
export const buildJudgeTextSql = (judgment: string): string => `${READ_TEXT}
  IF strpos(lower(bare), 'u&"') > 0 OR getdatabaseencoding() <> 'UTF8' AND bare ~ '[^[:ascii:]]' THEN
    why := 'code'; culprit := jsonb_build_object('object', 'it names objects in a way that only the server reads');
  ELSE
    IF exact THEN levels := ${buildCallLevelsSql('bare')}; END IF;
    met_relations := CASE WHEN columns_of IS NULL THEN ${buildNamedRelationsSql(SENT_TEXT, 'odd')} ELSE '{}' END;
    met_types := '{}';
    IF operators <> '{}' OR casts <> '{}' THEN met_types := ${buildUsedTypesSql('met_relations || columns_of', SENT_TEXT, 'odd')}; END IF;
    named := ARRAY(SELECT DISTINCT n.class || ':' || n.oid FROM (${buildNamedObjectsSql(SENT_TEXT, BLOCK_TRUST_CONTEXT, 'met_relations', 'met_types')}) AS n) || ARRAY(SELECT 'pg_type'::regclass::oid || ':' || a.atttypid FROM pg_attribute a
      WHERE a.attrelid = columns_of AND a.atttypid >= ${FIRST_OID} AND lower(a.attname::text COLLATE "C")::name = ANY (names));
    ${buildJudgeNamedSql(judgment)}
  END IF;`;
