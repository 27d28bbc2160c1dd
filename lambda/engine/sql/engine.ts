import { UNCHECKED_VARIABLE } from './support';

/**
 * Raised when a migration's row differs from what this run last read or wrote, so another run has written it since.
 */
export const OVERTAKEN_SQLSTATE = 'TU004';

/** The fields of a migration's row by which a run detects that another one has written it since. */
const KNOWN_ROW_SQL = `jsonb_build_object('state', m.state, 'statement', m.statements_done, 'running', m.running_statement,
  'up_checksum', m.up_checksum, 'deployment', m.deployment)`;

const buildRaiseOvertakenSql = (name: string): string =>
  `RAISE EXCEPTION USING ERRCODE = '${OVERTAKEN_SQLSTATE}', MESSAGE = format('another runner has changed what the ledger says of %s', ${name});`;

/**
 * Raised when older code would do something that the ledger forbids, since that code does not know what is recorded
 * there.
 */
const CODE_TOO_OLD_SQLSTATE = 'TU008';

/** Raised when the time for which a transaction may hold its locks is used up. */
export const HELD_TOO_LONG_SQLSTATE = 'TU003';

/**
 * Functions that the engine calls for each migration. They are functions because the server then compiles and plans
 * them once per session and not once per migration. They return a value because the Data API rejects void. Older code
 * calls them too (after a rollback), so a change must keep working with the arguments that it passes.
 */
export const ENGINE_FUNCTIONS_SQL: readonly string[] = [
  // Acquires a transaction's locks before its first change. For an index it locks the index's table. Relations that
  // do not exist (yet), or that the role may not lock explicitly, are left to the statement itself. With `alone`, the
  // transaction has only one lock and begins by taking it, so that is left to the statement too, unless it would wait
  // for one partition after another. The function sets no search_path, so that names resolve as in the migration.
  `CREATE OR REPLACE FUNCTION trueup._take_locks(relations text[], modes text[], alone boolean DEFAULT false)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $fn$
DECLARE
  target pg_catalog.regclass;
BEGIN
  PERFORM pg_catalog.set_config('trueup.held_since',
    extract(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.text, true);
  FOR i IN 1 .. pg_catalog.cardinality(relations) LOOP
    BEGIN
      target := pg_catalog.to_regclass(relations[i]);
      SELECT CASE WHEN c.relkind OPERATOR(pg_catalog.=) ANY ('{i,I}'::pg_catalog."char"[]) THEN
          (SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid OPERATOR(pg_catalog.=) c.oid) ELSE c.oid END
        INTO target FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) target::pg_catalog.oid;
      SELECT c.oid INTO target FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) target::pg_catalog.oid
        AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[])
        AND (NOT alone OR c.relhassubclass);
      IF target IS NOT NULL THEN
        EXECUTE pg_catalog.format('LOCK TABLE %s IN %s MODE', target, modes[i]);
      END IF;
    -- A table that was dropped a moment ago has no name any more, only a number.
    EXCEPTION WHEN insufficient_privilege OR undefined_table OR syntax_error THEN NULL;
    END;
  END LOOP;
  RETURN true;
END
$fn$`,

  // Called between the statements of a transaction that holds locks. Limits the next statement to what is left of
  // cap_ms, counted from when the locks were requested; statement_timeout on its own would restart with each
  // statement.
  `CREATE OR REPLACE FUNCTION trueup._hold(cap_ms int) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  held_ms bigint := floor(1000 * (extract(epoch FROM clock_timestamp())::numeric
    - current_setting('trueup.held_since')::numeric));
BEGIN
  IF held_ms >= cap_ms THEN
    RAISE EXCEPTION USING ERRCODE = '${HELD_TOO_LONG_SQLSTATE}', MESSAGE = format('its locks were held for %s ms', held_ms);
  END IF;
  PERFORM set_config('statement_timeout', (cap_ms - held_ms)::text, true);
  RETURN true;
END
$fn$`,

  // Writes a migration's row, and its event once all statements are done. Durations add up over segments and slices.
  // `expects` is the row as the run knew it, or null if there was none. If two runners
  // ever work at the same time, the one that commits second fails here, and its transaction is rolled back. A
  // statement that begins outside a transaction is recorded with the current transaction id and time, so that a later
  // run can tell which catalog rows are newer. `guard` is
  // the code's GUARD_VERSION: where it is too low, the code may apply nothing except in a rollback.
  `CREATE OR REPLACE FUNCTION trueup._record(entry jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' AS $fn$
DECLARE
  -- Migrations that share a message have one now(), that of the message; each begins where the one before it ended.
  began timestamptz := greatest(now(), nullif(current_setting('trueup.recorded', true), '')::timestamptz);
  target jsonb := nullif(entry -> 'running_target', 'null');
  -- Of the verify section of this transaction.
  unchecked text := CASE WHEN (entry ->> 'verified')::boolean THEN nullif(current_setting('${UNCHECKED_VARIABLE}', true), '') END;
BEGIN
  IF coalesce((entry ->> 'guard')::int, 0) < (SELECT n.min_guard_version FROM trueup.namespaces n
      WHERE n.name = entry ->> 'namespace' AND n.workload IS NOT NULL)
    AND NOT EXISTS (SELECT FROM trueup.deployments d WHERE d.namespace = entry ->> 'namespace'
      AND d.id = entry ->> 'deployment' AND d.direction = 'rollback') THEN
    RAISE EXCEPTION USING ERRCODE = '${CODE_TOO_OLD_SQLSTATE}', MESSAGE =
      'this version of Trueup cannot keep what the ledger promises the running application, so it applies nothing; deploy with the version that recorded it, or a newer one';
  END IF;
  IF target IS NOT NULL THEN
    target := target || jsonb_build_object('since',
      jsonb_build_object('xid', pg_current_xact_id()::text, 'at', clock_timestamp()::text));
  END IF;
  INSERT INTO trueup.migrations AS m (namespace, name, kind, state, up_checksum, plain_checksum, down, statements_done, statement_checksums,
    running_statement, running_target, attempts, verified, not_checked, baselined, deployment, rows_changed, duration_ms)
  VALUES (entry ->> 'namespace', entry ->> 'name', entry ->> 'kind', entry ->> 'state', entry ->> 'up_checksum',
    entry ->> 'plain_checksum', entry ->> 'down', (entry ->> 'statement')::int,
    ARRAY(SELECT jsonb_array_elements_text(entry -> 'statement_checksums')), (entry ->> 'running')::int,
    target, (entry ->> 'attempts')::int, (entry ->> 'verified')::boolean AND unchecked IS NULL, unchecked,
    (entry ->> 'baselined')::boolean, entry ->> 'deployment', (entry ->> 'rows_changed')::bigint, greatest(0, extract(epoch FROM clock_timestamp() - began) * 1000))
  ON CONFLICT (namespace, name) DO UPDATE SET kind = excluded.kind, state = excluded.state,
    up_checksum = excluded.up_checksum, plain_checksum = excluded.plain_checksum, down = excluded.down, statements_done = excluded.statements_done,
    statement_checksums = excluded.statement_checksums, running_statement = excluded.running_statement,
    running_target = CASE WHEN m.running_statement = excluded.running_statement
      AND m.running_target - 'since' = excluded.running_target - 'since' THEN m.running_target
      ELSE excluded.running_target END,
    attempts = excluded.attempts, rows_changed = excluded.rows_changed,
    duration_ms = excluded.duration_ms + CASE WHEN m.state IN ('applied', 'undone') THEN 0 ELSE m.duration_ms END,
    verified = excluded.verified, not_checked = excluded.not_checked, baselined = excluded.baselined, deployment = excluded.deployment, applied_at = clock_timestamp()
  WHERE entry -> 'expects' = ${KNOWN_ROW_SQL};
  IF NOT FOUND THEN
    ${buildRaiseOvertakenSql("entry ->> 'name'")}
  END IF;
  IF entry ->> 'event' IS NOT NULL THEN
    INSERT INTO trueup.events (namespace, deployment, migration, event, detail)
    VALUES (entry ->> 'namespace', entry ->> 'deployment', entry ->> 'name', entry ->> 'event',
      jsonb_strip_nulls(jsonb_build_object('verified', (entry ->> 'verified')::boolean AND unchecked IS NULL, 'notChecked', unchecked)));
  END IF;
  PERFORM set_config('trueup.recorded', clock_timestamp()::text, false);
  RETURN true;
END
$fn$`,

  // The row then names the request that undid the migration, so that a later slice of that request still reports it.
  `CREATE OR REPLACE FUNCTION trueup._record_undone(entry jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  UPDATE trueup.migrations m SET state = 'undone', running_statement = NULL, running_target = NULL, statements_done = 0,
    statement_checksums = '{}', verified = false, not_checked = NULL, deployment = entry ->> 'deployment'
  WHERE m.namespace = entry ->> 'namespace' AND m.name = entry ->> 'name' AND entry -> 'expects' = ${KNOWN_ROW_SQL};
  IF NOT FOUND THEN
    ${buildRaiseOvertakenSql("entry ->> 'name'")}
  END IF;
  INSERT INTO trueup.events (namespace, deployment, migration, event)
  VALUES (entry ->> 'namespace', entry ->> 'deployment', entry ->> 'name', 'undone');
  RETURN true;
END
$fn$`,
];
