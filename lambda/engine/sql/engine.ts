/** Raised when a migration's row is not as this run knew it: another one has written it meanwhile. */
export const OVERTAKEN = 'TU004';

/** What a run knows of a migration's row: by these it tells whether somebody else has written it since. */
const KNOWN = `jsonb_build_object('state', m.state, 'statement', m.statement, 'running', m.running,
  'up_checksum', m.up_checksum, 'deployment', m.deployment)`;

const overtaken = (name: string): string =>
  `RAISE EXCEPTION USING ERRCODE = '${OVERTAKEN}', MESSAGE = format('another runner has changed what the ledger says of %s', ${name});`;

/** Raised when nothing is left of the time for which a transaction may hold its locks. */
export const HELD_TOO_LONG = 'TU003';

/**
 * What the engine itself calls for each migration. Functions, since the server compiles and plans them once a session
 * and not once a migration; they return something, since the Data API refuses a void. Older code calls them too (after
 * a rollback): a change keeps what it passes working.
 */
export const ENGINE: readonly string[] = [
  // Takes a transaction's locks before its first change. An index stands for its table; what does not exist (yet), and
  // what the role may not lock explicitly, is left to the statement itself. So is the only lock of a transaction that
  // begins by taking it, unless the statement would wait for partition after partition. No search_path of its own: the
  // names mean what they mean to the migration.
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

  // Between the statements of a transaction that holds locks: the next one may take what is left of cap_ms, counted from
  // the moment at which it asked for them. statement_timeout alone would begin anew with each statement.
  `CREATE OR REPLACE FUNCTION trueup._hold(cap_ms int) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  held_ms bigint := floor(1000 * (extract(epoch FROM clock_timestamp())::numeric
    - current_setting('trueup.held_since')::numeric));
BEGIN
  IF held_ms >= cap_ms THEN
    RAISE EXCEPTION USING ERRCODE = '${HELD_TOO_LONG}', MESSAGE = format('its locks were held for %s ms', held_ms);
  END IF;
  PERFORM set_config('statement_timeout', (cap_ms - held_ms)::text, true);
  RETURN true;
END
$fn$`,

  // Writes a migration's row, and its event once all of it is done. Durations add up over segments and slices.
  // `expects` is the row as the run knew it, null for none; older code does not send it. Whatever lets two runners in at
  // once, the second to commit is refused here, and with it all that its transaction did. What is begun outside a
  // transaction is recorded with the moment, so that a later run can tell what in the catalogue is newer.
  `CREATE OR REPLACE FUNCTION trueup._record(entry jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' AS $fn$
DECLARE
  -- Migrations that share a message have one now(), that of the message; each begins where the one before it ended.
  began timestamptz := greatest(now(), nullif(current_setting('trueup.recorded', true), '')::timestamptz);
  target jsonb := nullif(entry -> 'running_target', 'null');
BEGIN
  IF target IS NOT NULL THEN
    target := target || jsonb_build_object('since',
      jsonb_build_object('xid', pg_current_xact_id()::text, 'at', clock_timestamp()::text));
  END IF;
  INSERT INTO trueup.migrations AS m (namespace, name, kind, state, up_checksum, down, statement, statement_checksums,
    running, running_target, attempts, proved, baselined, deployment, duration_ms)
  VALUES (entry ->> 'namespace', entry ->> 'name', entry ->> 'kind', entry ->> 'state', entry ->> 'up_checksum',
    entry ->> 'down', (entry ->> 'statement')::int,
    ARRAY(SELECT jsonb_array_elements_text(entry -> 'statement_checksums')), (entry ->> 'running')::int,
    target, (entry ->> 'attempts')::int, (entry ->> 'proved')::boolean,
    (entry ->> 'baselined')::boolean, entry ->> 'deployment', greatest(0, extract(epoch FROM clock_timestamp() - began) * 1000))
  ON CONFLICT (namespace, name) DO UPDATE SET kind = excluded.kind, state = excluded.state,
    up_checksum = excluded.up_checksum, down = excluded.down, statement = excluded.statement,
    statement_checksums = excluded.statement_checksums, running = excluded.running,
    running_target = CASE WHEN m.running = excluded.running
      AND m.running_target - 'since' = excluded.running_target - 'since' THEN m.running_target
      ELSE excluded.running_target END,
    attempts = excluded.attempts,
    duration_ms = excluded.duration_ms + CASE WHEN m.state IN ('applied', 'undone') THEN 0 ELSE m.duration_ms END,
    proved = excluded.proved, baselined = excluded.baselined, deployment = excluded.deployment, applied_at = clock_timestamp()
  WHERE NOT entry ? 'expects' OR entry -> 'expects' = ${KNOWN};
  IF NOT FOUND THEN
    ${overtaken("entry ->> 'name'")}
  END IF;
  IF entry ->> 'event' IS NOT NULL THEN
    INSERT INTO trueup.events (namespace, deployment, migration, event, detail)
    VALUES (entry ->> 'namespace', entry ->> 'deployment', entry ->> 'name', entry ->> 'event',
      jsonb_build_object('proved', entry -> 'proved'));
  END IF;
  PERFORM set_config('trueup.recorded', clock_timestamp()::text, false);
  RETURN true;
END
$fn$`,

  // The row then names the request that undid it: a later slice of that request still reports it.
  `CREATE OR REPLACE FUNCTION trueup._record_undone(entry jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  UPDATE trueup.migrations m SET state = 'undone', running = NULL, running_target = NULL, statement = 0,
    statement_checksums = '{}', proved = false, deployment = entry ->> 'deployment'
  WHERE m.namespace = entry ->> 'namespace' AND m.name = entry ->> 'name' AND entry -> 'expects' = ${KNOWN};
  IF NOT FOUND THEN
    ${overtaken("entry ->> 'name'")}
  END IF;
  INSERT INTO trueup.events (namespace, deployment, migration, event)
  VALUES (entry ->> 'namespace', entry ->> 'deployment', entry ->> 'name', 'undone');
  RETURN true;
END
$fn$`,
];
