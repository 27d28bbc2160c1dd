/**
 * What the engine itself calls for each migration. Functions, since the server compiles and plans them once a session
 * and not once a migration; they
 * return something, since the Data API refuses a void. Older code calls them too (after a rollback): a change keeps what it passes working.
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

  // Writes a migration's row, and its event once all of it is done. Durations add up over segments and slices.
  `CREATE OR REPLACE FUNCTION trueup._record(entry jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' AS $fn$
DECLARE
  -- Migrations that share a message have one now(), that of the message; each begins where the one before it ended.
  began timestamptz := greatest(now(), nullif(current_setting('trueup.recorded', true), '')::timestamptz);
BEGIN
  INSERT INTO trueup.migrations AS m (namespace, name, kind, state, up_checksum, down, statement, statement_checksums,
    running, running_target, attempts, proved, baselined, deployment, duration_ms)
  VALUES (entry ->> 'namespace', entry ->> 'name', entry ->> 'kind', entry ->> 'state', entry ->> 'up_checksum',
    entry ->> 'down', (entry ->> 'statement')::int,
    ARRAY(SELECT jsonb_array_elements_text(entry -> 'statement_checksums')), (entry ->> 'running')::int,
    nullif(entry -> 'running_target', 'null'), (entry ->> 'attempts')::int, (entry ->> 'proved')::boolean,
    (entry ->> 'baselined')::boolean, entry ->> 'deployment', greatest(0, extract(epoch FROM clock_timestamp() - began) * 1000))
  ON CONFLICT (namespace, name) DO UPDATE SET kind = excluded.kind, state = excluded.state,
    up_checksum = excluded.up_checksum, down = excluded.down, statement = excluded.statement,
    statement_checksums = excluded.statement_checksums, running = excluded.running,
    running_target = excluded.running_target, attempts = excluded.attempts,
    duration_ms = excluded.duration_ms + CASE WHEN m.state IN ('applied', 'undone') THEN 0 ELSE m.duration_ms END,
    proved = excluded.proved, baselined = excluded.baselined, deployment = excluded.deployment, applied_at = clock_timestamp();
  IF entry ->> 'event' IS NOT NULL THEN
    INSERT INTO trueup.events (namespace, deployment, migration, event, detail)
    VALUES (entry ->> 'namespace', entry ->> 'deployment', entry ->> 'name', entry ->> 'event',
      jsonb_build_object('proved', entry -> 'proved'));
  END IF;
  PERFORM set_config('trueup.recorded', clock_timestamp()::text, false);
  RETURN true;
END
$fn$`,
];
