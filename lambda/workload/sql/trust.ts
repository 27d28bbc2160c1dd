/** What decides whether a statement may be planned at all: the planner runs code with the rights of whoever asks. */

/** The first oid that is not the server's own (FirstNormalObjectId). */
export const FIRST_OID = 16_384;

/**
 * Functions that must not run here: of an owner who is neither superuser, owner of the database nor the one who asks. Where
 * there is one, no other function outside the server's own is trusted either, unless it is in C: its body finds what
 * it calls by the sender's path. Where there are foreign tables, those in SQL are not: the planner puts their body in place.
 */
export const SUSPECTS = `
  untrusted := EXISTS (
    SELECT FROM pg_proc f JOIN pg_roles o ON o.oid = f.proowner
    WHERE NOT o.rolsuper AND o.rolname <> current_user AND f.proowner <>
      (SELECT datdba FROM pg_database WHERE datname = current_database()));
  foreigners := EXISTS (SELECT FROM pg_class WHERE relkind = 'f');
  IF untrusted OR foreigners THEN
    SELECT coalesce(array_agg(f.oid), '{}'), coalesce(array_agg(DISTINCT lower(f.proname::text COLLATE "C")), '{}')
      INTO suspects, names
      FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang
      WHERE f.oid >= ${FIRST_OID}
        AND CASE WHEN untrusted THEN l.lanname NOT IN ('c', 'internal') ELSE l.lanname = 'sql' END;
    names := names || ARRAY(
      SELECT lower(t.typname::text COLLATE "C") FROM pg_cast c JOIN pg_type t ON t.oid IN (c.castsource, c.casttarget)
      WHERE c.castfunc = ANY (suspects));
    operators := ARRAY(SELECT DISTINCT o.oprname::text FROM pg_operator o WHERE o.oprcode = ANY (suspects));
    odd := EXISTS (SELECT FROM unnest(names) AS name WHERE name ~ '${'[^[:alnum:]_$]'}');
    -- IN, LIKE, BETWEEN, CASE, NULLIF and JOIN USING call operators that no text shows.
    hidden := operators && '{=,<>,<,>,<=,>=,~,~~,!~~,~~*,!~~*}'::text[];
  END IF;`;

/** May the text name a suspect? Too often yes rather than once too seldom. */
export const NAMES_A_SUSPECT = `
  (hidden OR words && names
   OR EXISTS (SELECT FROM unnest(operators) AS sign WHERE strpos(sent, sign) > 0)
   OR EXISTS (SELECT FROM unnest(words) AS word WHERE octet_length(word) > 63)
   OR (odd AND strpos(sent, '"') > 0) OR strpos(lower(sent), 'u&"') > 0
   OR (getdatabaseencoding() <> 'UTF8' AND sent ~ '[^[:ascii:]]'))`;

/** What its relations are made of: rules of views, policies, defaults, constraints, indexes, statistics, partitions, types. */
export const RELATIONS_REACH_A_SUSPECT = `
  WITH RECURSIVE tree AS (
    SELECT unnest(oids) AS oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid),
  part AS (
    SELECT 'pg_class'::regclass::oid AS class, oid FROM tree
    UNION SELECT 'pg_class'::regclass, i.indexrelid FROM tree JOIN pg_index i ON i.indrelid = tree.oid
    UNION SELECT d.classid, d.objid FROM tree
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = tree.oid AND d.deptype IN ('i', 'a'))
  SELECT CASE
    WHEN EXISTS (SELECT FROM tree JOIN pg_class c USING (oid) WHERE c.relkind = 'f') THEN 'foreign'
    WHEN EXISTS (
      SELECT FROM part JOIN pg_depend d ON (d.classid, d.objid) = (part.class, part.oid)
      WHERE (d.refclassid = 'pg_proc'::regclass AND d.refobjid = ANY (suspects))
        OR (d.refclassid = 'pg_operator'::regclass
            AND d.refobjid IN (SELECT oid FROM pg_operator WHERE oprcode = ANY (suspects))))
      OR (untrusted AND EXISTS (
        SELECT FROM tree JOIN pg_attribute a ON a.attrelid = tree.oid AND a.attnum > 0
          JOIN pg_type t ON t.oid = a.atttypid JOIN pg_roles o ON o.oid = t.typowner
          JOIN pg_cast c ON t.oid IN (c.castsource, c.casttarget) AND c.castfunc = ANY (suspects)))
      THEN 'code' END`;
