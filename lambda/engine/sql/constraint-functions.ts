/** Verification functions for keys and checks, which are found by definition, whatever their names. */
import { buildNotEnforcedSql } from '../../sql/catalog';
import { PATH_PARAMETER } from './support';

export const CONSTRAINT_FUNCTIONS_SQL: readonly string[] = [
  `CREATE OR REPLACE FUNCTION trueup.col_is_pk(table_name text, columns text[], ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, columns, path)
  UNION ALL
  SELECT format('(%s) is not the primary key of %s', array_to_string(columns, ', '), table_name)
  FROM trueup._relation(table_name, path) r
  WHERE NOT EXISTS (SELECT FROM trueup._missing(table_name, columns, path)) AND NOT EXISTS (
    SELECT FROM pg_constraint c WHERE c.conrelid = r AND c.contype = 'p'
      AND c.conkey = ARRAY(SELECT trueup._column(r, k) FROM unnest(columns) WITH ORDINALITY AS x(k, n) ORDER BY n))
$fn$`,

  // Returns why a constraint proves nothing about the rows; NULL if it does prove it.
  `CREATE OR REPLACE FUNCTION trueup._unproved(constraint_oid oid, validated boolean) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT CASE
    WHEN ${buildNotEnforcedSql('c')} THEN 'is NOT ENFORCED'
    WHEN validated AND NOT c.convalidated THEN 'is NOT VALID: old rows are not checked' END
  FROM pg_constraint c WHERE c.oid = constraint_oid
$fn$`,

  // on_delete and on_update are NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT; NULL accepts any.
  `CREATE OR REPLACE FUNCTION trueup.fk_ok(
  table_name text, columns text[], ref_table text, ref_columns text[],
  on_delete text DEFAULT NULL, on_update text DEFAULT NULL, validated boolean DEFAULT true, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relation oid := trueup._relation(table_name, path);
  referenced oid := trueup._relation(ref_table, path);
  actions constant jsonb := '{"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}';
  candidate record;
  reasons text[];
  near text[] := '{}';
BEGIN
  RETURN QUERY SELECT trueup._missing(table_name, columns, path)
    UNION ALL SELECT trueup._missing(ref_table, ref_columns, path);
  IF FOUND THEN RETURN; END IF;
  FOR candidate IN
    SELECT c.conname, trueup._unproved(c.oid, validated) AS unproved,
      concat(actions ->> c.confdeltype::text,
        CASE WHEN to_jsonb(c) ->> 'confdelsetcols' IS NOT NULL THEN ' of some columns' END) AS on_delete,
      actions ->> c.confupdtype::text AS on_update,
      -- Left off by a load (DMS, session_replication_role in a restore): of the key, and of its copies on partitions.
      EXISTS (WITH RECURSIVE k AS (SELECT c.oid UNION ALL SELECT p.oid FROM k JOIN pg_constraint p ON p.conparentid = k.oid)
        SELECT FROM k JOIN pg_trigger t ON t.tgconstraint = k.oid WHERE t.tgenabled NOT IN ('O', 'A')) AS disabled
    FROM pg_constraint c
    WHERE c.conrelid = relation AND c.confrelid = referenced AND c.contype = 'f'
      AND ARRAY(SELECT ROW(k, f)::text FROM unnest(c.conkey, c.confkey) AS x(k, f) ORDER BY 1)
        = ARRAY(SELECT ROW(trueup._column(relation, k), trueup._column(referenced, f))::text
                FROM unnest(columns, ref_columns) AS x(k, f) ORDER BY 1)
    ORDER BY c.conname
  LOOP
    reasons := array_remove(ARRAY[
      CASE WHEN candidate.on_delete <> upper(fk_ok.on_delete) THEN 'is ON DELETE ' || candidate.on_delete END,
      CASE WHEN candidate.on_update <> upper(fk_ok.on_update) THEN 'is ON UPDATE ' || candidate.on_update END,
      candidate.unproved,
      CASE WHEN candidate.disabled THEN 'has disabled triggers: rows are not checked (ALTER TABLE ... ENABLE TRIGGER ALL)' END], NULL);
    IF reasons = '{}' THEN RETURN; END IF;
    near := near || format('%I %s', candidate.conname, array_to_string(reasons, ', '));
  END LOOP;
  RETURN NEXT format('%s has no foreign key (%s) REFERENCES %s (%s)%s%s%s', table_name, array_to_string(columns, ', '),
    ref_table, array_to_string(ref_columns, ', '), ' ON DELETE ' || upper(fk_ok.on_delete),
    ' ON UPDATE ' || upper(fk_ok.on_update), ': ' || nullif(array_to_string(near, '; '), ''));
END
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.has_check(table_name text, expression text, validated boolean DEFAULT true, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relation oid := trueup._relation(table_name, path);
  candidate record;
  problem text;
  near text[] := '{}';
BEGIN
  RETURN QUERY SELECT trueup._missing(table_name, '{}', path);
  IF FOUND THEN RETURN; END IF;
  FOR candidate IN
    SELECT c.oid, trueup._unproved(c.oid, validated) AS unproved FROM pg_constraint c WHERE c.conrelid = relation AND c.contype = 'c'
  LOOP
    IF candidate.unproved IS NULL AND trueup._as_written(expression, VARIADIC trueup._printed(relation, path, NULL, candidate.oid)) THEN RETURN; END IF;
  END LOOP;
  problem := trueup._unreadable(relation, path, expression);
  IF problem IS NOT NULL THEN
    RETURN NEXT problem;
    RETURN;
  END IF;
  FOR candidate IN
    SELECT c.conname, pg_get_expr(c.conbin, c.conrelid) AS stored, trueup._unproved(c.oid, validated) AS unproved
    FROM pg_constraint c WHERE c.conrelid = relation AND c.contype = 'c' ORDER BY c.conname
  LOOP
    CONTINUE WHEN NOT trueup._same(relation, path, expression, candidate.stored);
    IF candidate.unproved IS NULL THEN RETURN; END IF;
    near := near || format('%I %s', candidate.conname, candidate.unproved);
  END LOOP;
  RETURN NEXT format('%s has no CHECK (%s)%s', table_name, expression, ': ' || nullif(array_to_string(near, '; '), ''));
END
$fn$`,

  String.raw`CREATE OR REPLACE FUNCTION trueup.no_unvalidated_constraints(table_name text DEFAULT NULL, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, '{}', path) WHERE table_name IS NOT NULL
  UNION ALL
  SELECT format('Constraint %I of %s %s', c.conname, coalesce(table_name, format('%I.%I', n.nspname, t.relname)),
    trueup._unproved(c.oid, true))
  FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
  WHERE trueup._unproved(c.oid, true) IS NOT NULL
    AND (t.oid = trueup._relation(table_name, path)
      OR table_name IS NULL AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%')
$fn$`,
];
