/**
 * Handles code that other sessions add during a judgment (trust.ts). Another session may hold a lock until the login
 * waits for it, add code, and commit. So locks are taken before the judgment, and the judgment is valid as long as no
 * code was added since. If planning would wait for a lock after the judgment, nothing is planned.
 */
import {
  buildNamedRelationsSql,
  FIND_UNTRUSTED_ROLES_SQL,
  FIRST_OID,
  QUOTED_NAMES_SQL,
  READ_TEXT,
  SENT_TEXT,
} from './trust';

/**
 * Returns the SQL of a text that changes with every row that is added, replaced or removed, even if transaction numbers
 * have wrapped around or the change belongs to this transaction.
 */
const readVersions = (catalog: string, condition = 'true'): string =>
  `(SELECT concat(count(*), ':', sum(xmin::text::bigint), ':', sum(cmin::text::bigint)) FROM pg_${catalog} WHERE ${condition})`;
const OF_USERS = `oid >= ${FIRST_OID}`;

/**
 * SQL of a text that changes whenever code is added to the database. A new object has a new oid. A changed rule, policy
 * or partition, and a renamed function, operator or domain, has a new version of its row. Changed privileges of roles
 * count too. Every other change needs a lock that no session can get while a statement is prepared.
 */
export const CODE_NOW = `concat_ws(' ', ${['class', 'type', 'cast', 'attrdef', 'constraint', 'statistic_ext']
  .map((catalog) => `(SELECT max(oid) FROM pg_${catalog})`)
  .join(', ')}, ${['rewrite', 'policy', 'inherits', 'auth_members']
  .map((catalog) => readVersions(catalog))
  .join(
    ', ',
  )}, ${readVersions('proc', OF_USERS)}, ${readVersions('operator', OF_USERS)}, ${readVersions('type', `${OF_USERS} AND typtype = 'd'`)},
  (SELECT md5(string_agg(concat_ws(' ', oid, rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls), ',' ORDER BY oid)) FROM pg_roles))`;

/** SQL of a text for what else a judgment depends on if it is stored longer than locks are held: names and the login's privileges. */
export const NAMES_NOW = `concat_ws(' ', session_user, ${readVersions('class', OF_USERS)}, ${readVersions('type', OF_USERS)},
  ${readVersions('namespace')}, ${readVersions('database')}, ${readVersions('shdepend', "refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = session_user)")})`;

/**
 * Builds the start of each round of a judging loop. `code_seen` is empty at first. Judgements from before code was added
 * are discarded.
 * @param isJudged SQL of a condition under which the loop ends here if no code was added
 * @param also SQL that runs after the untrusted roles were found
 * @param findRoles SQL that finds the untrusted roles
 */
export const untilUnchanged = (isJudged: string, also = '', findRoles = FIND_UNTRUSTED_ROLES_SQL): string => `
  code_now := ${CODE_NOW};
  EXIT WHEN code_now = code_seen AND ${isJudged};
  IF code_now <> code_seen THEN
    code_seen := code_now; harmless := '{}'; harmful := '{}'; paths := '{}';
    ${findRoles}
    ${also}
  END IF;`;

/** Name of the prepared statement that stores earlier judgements as JSON. */
const MEMORY = 'trueup_judged';

/**
 * Variables for the judgements of earlier calls in the session, which stay valid while nothing that they depend on has
 * changed. Without them, each check would judge the same objects again. They are stored in a prepared statement of the
 * session, since only code that runs in the session can write it. A setting would not be safe: the owner of a database
 * can give new sessions any value (ALTER DATABASE … SET), and code of an index or of a materialized view can call
 * set_config(), but neither PREPARE nor SET ROLE.
 */
export const MEMORY_VARIABLES_SQL = 'memory jsonb; state_now text;';

export const RECALL = `
    state_now := code_now || ' ' || ${NAMES_NOW};
    IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = '${MEMORY}') THEN EXECUTE 'EXECUTE ${MEMORY}' INTO memory; END IF;
    IF memory ->> 'state' = state_now THEN
      SELECT * INTO judging, strangers, odd, operators, casts, harmless, harmful, paths
        FROM jsonb_to_record(memory) AS m (judging boolean, strangers oid[], odd oid[], operators oid[], casts oid[], harmless text[], harmful jsonb, paths text[]);
    ELSE
      ${FIND_UNTRUSTED_ROLES_SQL}
    END IF;`;

export const REMEMBER = `
  IF memory IS NULL OR memory ->> 'state' <> state_now OR jsonb_array_length(memory -> 'harmless') <> cardinality(harmless)
      OR memory -> 'harmful' <> harmful OR jsonb_array_length(memory -> 'paths') <> cardinality(paths) THEN
    IF memory IS NOT NULL THEN DEALLOCATE ${MEMORY}; END IF;
    EXECUTE format('PREPARE ${MEMORY} AS SELECT %L::jsonb', jsonb_build_object('state', state_now, 'judging', judging, 'strangers', strangers,
      'odd', odd, 'operators', operators, 'casts', casts, 'harmless', harmless, 'harmful', harmful, 'paths', paths));
  END IF;`;

/** Returns the SQL of an array of the relations with their partitions and children. */
export const withChildren = (relations: string): string => `ARRAY(
    WITH RECURSIVE part (oid) AS (
      SELECT unnest(${relations}) UNION SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid)
    SELECT oid FROM part)`;

/**
 * Returns the SQL for whether planning would wait for another session's lock on one of these relations or on one of
 * their indexes. Such a session could add code between the judgment and the planning, and commit once this session
 * waits.
 * @param modes SQL of an array of the conflicting lock modes
 * @param here SQL of the database's oid
 */
export const wouldWait = (
  relations: string,
  modes: string,
  here = '(SELECT oid FROM pg_database WHERE datname = current_database())',
): string => `EXISTS (
    SELECT FROM pg_locks l WHERE l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_backend_pid() AND l.mode = ANY (${modes})
      AND l.database = ${here} AND l.relation IN (
        SELECT unnest(${relations}) UNION ALL SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = ANY (${relations})))`;

/** Lock modes that conflict with a statement that reads, and with one that writes. */
export const READS_WAIT = `'{AccessExclusiveLock}'::text[]`;
export const WRITES_WAIT = `'{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'::text[]`;

/**
 * Locks relations as a query that reads them does, without running any of their code. A session that changes them is
 * therefore waited for here, and not between the judgment and the query.
 */
const holdRelations = (relations: string): string => `
  FOREACH held IN ARRAY ${relations} LOOP
    BEGIN
      EXECUTE 'PREPARE trueup_held AS SELECT FROM ONLY ' || held::regclass;
      DEALLOCATE trueup_held;
    EXCEPTION WHEN lock_not_available THEN RAISE;
    WHEN OTHERS THEN NULL; -- a relation that cannot be named here is not read either
    END;
  END LOOP;`;

/** Locks the relations that the text `sent` may name, those in `parts`, and all partitions; sets `parts` to all of them. */
export const HOLD_NAMED = `${READ_TEXT}
  -- These can only be named in quotes or with non-ASCII letters.
  IF sent ~ '"|[^\\x01-\\x7f]' THEN odd := ${QUOTED_NAMES_SQL}; END IF;
  parts := parts || ${buildNamedRelationsSql(SENT_TEXT, 'odd')};
  parts := ${withChildren('parts')};
  ${holdRelations('parts')}`;
