/**
 * Verification functions for indexes, which are found by definition, whatever their names, and for ON CONFLICT
 * targets.
 */
import { INDEX_IS_BEING_BUILT_SQL, INDEX_IS_VALID_SQL } from '../../sql/catalog';
import { PATH_PARAMETER } from './support';

export const INDEX_FUNCTIONS_SQL: readonly string[] = [
  // Parses one key of an index as CREATE INDEX writes it: expression, collation, operator class, direction.
  String.raw`CREATE OR REPLACE FUNCTION trueup._key(
  key text, OUT expression text, OUT collation_name text, OUT opclass text, OUT options int)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  name constant text := '(?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))*';
  m text[];
  nulls text;
  direction text;
BEGIN
  expression := btrim(key, E' \t\n');
  m := regexp_match(expression, '^(.*\S)\s+NULLS\s+(FIRST|LAST)$', 'i');
  IF m IS NOT NULL THEN expression := m[1]; nulls := upper(m[2]); END IF;
  m := regexp_match(expression, '^(.*\S)\s+(ASC|DESC)$', 'i');
  IF m IS NOT NULL THEN expression := m[1]; direction := upper(m[2]); END IF;
  m := regexp_match(expression, '^(.*\S)\s+COLLATE\s+(' || name || ')(?:\s+(' || name || '))?$', 'i');
  IF m IS NOT NULL THEN
    expression := m[1]; collation_name := m[2]; opclass := m[3];
  ELSE
    m := regexp_match(expression, '^(.*\S)\s+(' || name || ')$');
    IF m IS NOT NULL THEN expression := m[1]; opclass := m[2]; END IF;
  END IF;
  -- pg_index.indoption: 1 is DESC, 2 is NULLS FIRST, which DESC implies.
  options := CASE direction WHEN 'DESC' THEN 1 ELSE 0 END
    + CASE coalesce(nulls, CASE direction WHEN 'DESC' THEN 'FIRST' ELSE 'LAST' END) WHEN 'FIRST' THEN 2 ELSE 0 END;
END
$fn$`,

  // Returns the collation of a key: the one that it names, or else that of its expression. CASE WHEN false keeps the
  // expression from being run; it is only planned.
  `CREATE OR REPLACE FUNCTION trueup._collation(relation oid, path text, expression text, collation_name text) RETURNS oid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  query text;
  answer text := collation_name;
BEGIN
  IF answer IS NULL AND trueup._column(relation, expression) IS NOT NULL THEN
    RETURN (SELECT a.attcollation FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum = trueup._column(relation, expression));
  END IF;
  IF answer IS NULL THEN
    PERFORM trueup._refuse_code(expression, path, relation, true);
    SELECT format('SELECT COLLATION FOR (CASE WHEN false THEN (%s) END) FROM pg_catalog.unnest(ARRAY[NULL]::%s[]) AS %I',
      expression, format_type(c.reltype, NULL), c.relname) INTO query FROM pg_class c WHERE c.oid = relation;
  END IF;
  PERFORM set_config('search_path', path, true);
  IF query IS NOT NULL THEN EXECUTE query INTO answer; END IF;
  RETURN pg_catalog.to_regcollation(answer);
END
$fn$`,

  // Returns how a key differs from the n-th key of an index, apart from its expression; NULL if it does not.
  `CREATE OR REPLACE FUNCTION trueup._key_differs(index_oid oid, n int, relation oid, path text, key text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  wanted record;
  stored record;
  found_class boolean;
BEGIN
  wanted := trueup._key(key);
  SELECT i.indoption[n - 1] AS options, i.indcollation[n - 1] AS collation_oid,
      o.opcname, o.opcfamily, o.opcintype, o.opcmethod
    INTO stored
    FROM pg_index i JOIN pg_opclass o ON o.oid = i.indclass[n - 1] WHERE i.indexrelid = index_oid;
  IF stored.options <> wanted.options THEN
    RETURN format('sorts %s %s NULLS %s', wanted.expression,
      CASE WHEN stored.options & 1 = 1 THEN 'DESC' ELSE 'ASC' END,
      CASE WHEN stored.options & 2 = 2 THEN 'FIRST' ELSE 'LAST' END);
  END IF;
  IF stored.collation_oid <> 0 AND stored.collation_oid IS DISTINCT FROM
      trueup._collation(relation, path, wanted.expression, wanted.collation_name) THEN
    RETURN format('sorts %s by the collation %s', wanted.expression, stored.collation_oid::regcollation);
  END IF;
  -- Some classes have two names (text_ops, varchar_ops): one family and one input type are one class.
  SELECT bool_or(o.opcfamily = stored.opcfamily AND o.opcintype = stored.opcintype) INTO found_class
  FROM pg_opclass o WHERE o.opcmethod = stored.opcmethod
    AND CASE WHEN wanted.opclass IS NULL THEN o.opcdefault
             ELSE o.opcname = trueup._last(wanted.opclass) END;
  IF found_class IS NOT TRUE THEN
    RETURN format('has the operator class %s on %s', stored.opcname, wanted.expression);
  END IF;
  RETURN NULL;
END
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.is_indexed(
  table_name text, keys text[], is_unique boolean DEFAULT NULL, predicate text DEFAULT NULL, include text[] DEFAULT NULL,
  method text DEFAULT 'btree', nulls_not_distinct boolean DEFAULT false, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relation oid := trueup._relation(table_name, path);
  expressions text[] := ARRAY(SELECT (trueup._key(k)).expression FROM unnest(keys) WITH ORDINALITY AS x(k, n) ORDER BY n);
  wanted text := format('%s has no %sindex on (%s)%s', table_name, CASE WHEN is_unique THEN 'unique ' ELSE '' END,
    array_to_string(keys, ', '), coalesce(' WHERE ' || predicate, ''));
  candidate record;
  plain text[];
  reasons text[];
  near text[] := '{}';
BEGIN
  RETURN QUERY SELECT trueup._missing(table_name, '{}', path);
  IF FOUND THEN RETURN; END IF;
  RETURN QUERY SELECT problem FROM unnest(expressions || predicate) e, trueup._unreadable(relation, path, e) problem
    WHERE e IS NOT NULL AND problem IS NOT NULL AND trueup._column(relation, e) IS NULL AND NOT EXISTS (
      SELECT FROM pg_index i, LATERAL (SELECT pg_get_expr(i.indpred, i.indrelid)
        UNION ALL SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(1, i.indnkeyatts) n) AS stored (text)
      WHERE i.indrelid = relation AND trueup._as_written(e, stored.text));
  IF FOUND THEN RETURN; END IF;

  FOR candidate IN
    SELECT i.indexrelid, i.indisunique, ${INDEX_IS_VALID_SQL} AS usable, a.amname, c.relname,
      pg_get_expr(i.indpred, i.indrelid) AS predicate,
      coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct,
      ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(1, i.indnkeyatts) n ORDER BY n) AS keys,
      ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(i.indnkeyatts + 1, i.indnatts) n) AS included,
      (SELECT bool_and(trueup._as_written(e, pg_get_indexdef(i.indexrelid, n::int, false)))
        FROM unnest(expressions) WITH ORDINALITY AS k (e, n)) AS as_written
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
    WHERE i.indrelid = relation AND i.indnkeyatts = cardinality(expressions)
    -- What is written as it is stored needs no planning.
    ORDER BY as_written DESC, trueup._as_written(predicate, pg_get_expr(i.indpred, i.indrelid)) DESC, c.relname
  LOOP
    IF NOT candidate.as_written THEN
      plain := trueup._explain(relation, path, expressions || candidate.keys);
      CONTINUE WHEN plain[: cardinality(expressions)] <> plain[cardinality(expressions) + 1 :];
    END IF;
    reasons := ARRAY(SELECT d FROM unnest(keys) WITH ORDINALITY AS x(k, n),
      trueup._key_differs(candidate.indexrelid, n::int, relation, path, k) d WHERE d IS NOT NULL);
    IF candidate.amname <> method THEN reasons := reasons || format('is a %s index', candidate.amname); END IF;
    IF candidate.indisunique <> is_unique THEN
      reasons := reasons || CASE WHEN is_unique THEN 'is not unique' ELSE 'is unique' END;
    END IF;
    IF candidate.indisunique AND candidate.nulls_not_distinct <> nulls_not_distinct THEN
      reasons := reasons || CASE WHEN nulls_not_distinct THEN 'lets nulls repeat' ELSE 'is NULLS NOT DISTINCT' END;
    END IF;
    IF NOT trueup._same(relation, path, predicate, candidate.predicate) THEN
      reasons := reasons || coalesce('is partial, WHERE ' || candidate.predicate, 'is not partial');
    END IF;
    IF include IS NOT NULL AND ARRAY(SELECT trueup._last(c) FROM unnest(include) c ORDER BY 1)
        <> ARRAY(SELECT trueup._last(c) FROM unnest(candidate.included) c ORDER BY 1) THEN
      reasons := reasons || format('includes (%s)', array_to_string(candidate.included, ', '));
    END IF;
    IF NOT candidate.usable THEN
      reasons := reasons || 'is INVALID, so no query and no ON CONFLICT uses it'::text;
    END IF;
    IF reasons = '{}' THEN RETURN; END IF;
    near := near || format('%I %s', candidate.relname, array_to_string(reasons, ', '));
  END LOOP;
  RETURN NEXT wanted || coalesce(': ' || nullif(array_to_string(near, '; '), ''), '');
END
$fn$`,

  // 42P10 is raised when a statement is planned, so EXPLAIN gets the server's own answer and inserts nothing.
  String.raw`CREATE OR REPLACE FUNCTION trueup.on_conflict_target(
  table_name text, keys text[], predicate text DEFAULT NULL, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relation oid := trueup._relation(table_name, path);
  plan json;
  target text := format('ON CONFLICT (%s)%s', array_to_string(keys, ', '), coalesce(' WHERE ' || predicate, ''));
BEGIN
  RETURN QUERY SELECT trueup._missing(table_name, '{}', path);
  IF FOUND THEN RETURN; END IF;
  PERFORM trueup._refuse_code(target, path, relation, false);
  BEGIN
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(
      E'EXPLAIN (COSTS OFF, FORMAT JSON) INSERT INTO %s DEFAULT VALUES %s\nDO NOTHING', table_name, target) INTO plan;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    -- The planner takes a deferrable constraint; only the execution complains.
    RETURN QUERY SELECT format('%s does not work on %s: %I is deferrable', target, table_name, c.relname)
      FROM json_array_elements_text(plan -> 0 -> 'Plan' -> 'Conflict Arbiter Indexes') a
      JOIN pg_class c ON c.relname = a JOIN pg_index i ON i.indexrelid = c.oid
      WHERE i.indrelid = relation AND NOT i.indimmediate;
    RETURN;
  EXCEPTION
    WHEN invalid_column_reference THEN NULL;
    WHEN insufficient_privilege THEN
      RETURN NEXT format('%s cannot be tried on %s: %s needs INSERT and SELECT on it', target, table_name, current_user);
      RETURN;
    WHEN OTHERS THEN
      RETURN NEXT format('%s does not work on %s: %s', target, table_name, SQLERRM);
      RETURN;
  END;
  RETURN NEXT format('%s finds no unique index on %s (42P10)%s', target, table_name, coalesce(': ' || (
    SELECT string_agg(format('%I has these columns, but %s', c.relname, CASE
        WHEN NOT (${INDEX_IS_VALID_SQL}) THEN 'is INVALID'
        WHEN NOT i.indisunique THEN 'is not unique'
        WHEN i.indpred IS NOT NULL THEN 'the statement must say WHERE ' || pg_get_expr(i.indpred, i.indrelid)
        ELSE 'does not fit' END), '; ' ORDER BY c.relname)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = relation
      AND ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(1, i.indnkeyatts) n ORDER BY 1)
        = ARRAY(SELECT quote_ident(trueup._last(k)) FROM unnest(keys) k ORDER BY 1)), ''));
END
$fn$`,

  // An index that is being built is INVALID as well, and is not reported.
  String.raw`CREATE OR REPLACE FUNCTION trueup.no_invalid_indexes(table_name text DEFAULT NULL, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, '{}', path) WHERE table_name IS NOT NULL
  UNION ALL
  SELECT format('Index %I.%I of %s is INVALID: drop it, or build it again with REINDEX INDEX CONCURRENTLY',
    n.nspname, c.relname, coalesce(table_name, format('%I.%I', n.nspname, t.relname)))
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT (${INDEX_IS_VALID_SQL})
    AND (t.oid = trueup._relation(table_name, path)
      OR table_name IS NULL AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%')
    AND NOT ${INDEX_IS_BEING_BUILT_SQL}
$fn$`,
];
