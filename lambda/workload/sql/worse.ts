/** Two answers of `trueup._plan` about one statement: has it become worse? Types, privileges and policies are compared by name. */

/**
 * What a change of a type means for values that are still sent, or read, as the old one; null where it means nothing. The
 * server's own casts decide: what it converts by itself, without being asked, it also takes from the application.
 */
const TYPE_CHANGE = String.raw`CREATE OR REPLACE FUNCTION trueup._type_change(was text, now_is text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  old oid := trueup._base_type(was);
  new oid := trueup._base_type(now_is);
  old_size int[] := regexp_match(was, '\((\d+)(?:,(-?\d+))?\)');
  new_size int[] := regexp_match(now_is, '\((\d+)(?:,(-?\d+))?\)');
  change text := 'same';
BEGIN
  IF was = now_is THEN RETURN NULL; END IF;
  IF old IS NULL OR new IS NULL OR (was LIKE '%[]') <> (now_is LIKE '%[]') THEN RETURN 'breaks'; END IF;
  IF old <> new THEN
    change := coalesce((SELECT CASE
        -- Digits are lost, and a time without a zone takes that of the session.
        WHEN c.castcontext = 'i' AND (
            new IN ('real'::regtype, 'double precision'::regtype) AND old NOT IN ('smallint'::regtype, 'integer'::regtype, 'real'::regtype)
            OR new = 'real'::regtype AND old = 'integer'::regtype
            OR new IN ('timestamptz'::regtype, 'timetz'::regtype)) THEN 'converts'
        WHEN c.castcontext = 'i' THEN 'widens'
        WHEN c.castcontext = 'a' AND c.castmethod IN ('b', 'i') THEN 'converts' END
      FROM pg_cast c WHERE c.castsource = old AND c.casttarget = new), 'breaks');
  END IF;
  IF change IN ('same', 'widens') AND new_size IS NOT NULL AND (old_size IS NULL
      OR new_size[1] - coalesce(new_size[2], 0) < old_size[1] - coalesce(old_size[2], 0)
      OR coalesce(new_size[2], 0) < coalesce(old_size[2], 0)) THEN
    RETURN 'narrows';
  END IF;
  RETURN nullif(change, 'same');
END
$fn$`;

/** Of an array its elements'; of a domain what it is made of. */
const BASE_TYPE = `CREATE OR REPLACE FUNCTION trueup._base_type(name text) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  WITH RECURSIVE base AS (
    SELECT t.oid, t.typbasetype FROM pg_type t WHERE t.oid = to_regtype(replace(name, '[]', ''))
    UNION ALL SELECT t.oid, t.typbasetype FROM base JOIN pg_type t ON t.oid = base.typbasetype)
  SELECT oid FROM base WHERE typbasetype = 0
$fn$`;

/** The first column or parameter whose change is of this kind. */
const changed = (which: string, kinds: string): string => `
  SELECT u.n, u.was, u.now_is, trueup._type_change(u.was, u.now_is) AS change INTO each
    FROM (SELECT n, before->'${which}'->>(n - 1) AS was, after->'${which}'->>(n - 1) AS now_is
      FROM generate_series(1, least(jsonb_array_length(before->'${which}'), jsonb_array_length(after->'${which}'))) AS n) AS u
    WHERE trueup._type_change(u.was, u.now_is) IN (${kinds}) ORDER BY u.n LIMIT 1;`;

/**
 * Null: as good as before, or it was not asked. `after` may hold `typed`: what it came to with the types that its parameters had
 * before. Otherwise `refuses` says whether it breaks the application, or is only to be
 * told; `by` is plan, privilege, row-security or type, and `why` a code that words.ts has the words for.
 */
const WORSE = `CREATE OR REPLACE FUNCTION trueup._worse(before jsonb, after jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  each record;
  found jsonb;
  renamed jsonb;
  -- A function of the same name beside the old one: what is inferred for a parameter may be the new one's.
  overloaded boolean;
BEGIN
  IF before->>'outcome' IS DISTINCT FROM 'plans' OR after->>'outcome' IS NULL THEN
    RETURN NULL;
  END IF;
  IF after->>'outcome' = 'undecided' THEN
    -- Not asked, or only for as long as the transaction lasts. What has been said already is not said again.
    IF after->>'why' = ANY ('{lock,budget,slow,enum}') OR before->>'doubt' = after->>'why' THEN
      RETURN NULL;
    END IF;
    IF after->'typed'->>'outcome' = 'fails' AND after->>'why' = 'untyped' AND after->'typed'->>'state' <> '42704' THEN
      RETURN jsonb_build_object('refuses', true, 'by', 'plan', 'state', after->'typed'->>'state', 'why', 'fails');
    ELSIF after->'typed'->>'outcome' = 'plans' THEN
      found := trueup._worse(before, after->'typed');
      IF (found->>'refuses')::boolean THEN RETURN found; END IF;
      RETURN jsonb_build_object('refuses', false, 'by', 'plan', 'why', 'undecided', 'reason', 'typed');
    END IF;
    RETURN jsonb_build_object('refuses', false, 'by', 'plan', 'why', 'undecided', 'reason', after->>'why');
  END IF;
  IF after->>'outcome' <> 'plans' THEN
    RETURN jsonb_strip_nulls(jsonb_build_object('refuses', true, 'by', CASE after->>'state' WHEN '42501' THEN 'privilege' ELSE 'plan' END,
      'state', after->'state', 'why', after->'outcome', 'relation', after->'relation', 'object', after->'object'));
  END IF;

  -- What the role lacks now and did not lack. What is only assumed of its relations, and was not seen before, says nothing.
  IF before->'privileges'->>'role' = after->'privileges'->>'role' THEN
    SELECT what, how INTO each FROM (
      SELECT jsonb_array_elements_text(after->'privileges'->'lacks') AS what, 'lost-privilege' AS how
      UNION ALL SELECT jsonb_array_elements_text(after->'privileges'->'partly'), 'columns-privilege') AS l
      WHERE NOT coalesce(before->'privileges'->'lacks' ? what, false)
        AND (how = 'lost-privilege' OR NOT coalesce(before->'privileges'->'partly' ? what, false))
        AND (what NOT LIKE 'EXECUTE %' OR coalesce(before->'privileges'->'has' ? what, false))
        AND (before->'relations' ? substr(what, strpos(what, ' ') + 1)
          OR NOT coalesce(after->'assumed' ? substr(what, strpos(what, ' ') + 1), false))
      ORDER BY how DESC, what LIMIT 1;
    IF each.how = 'lost-privilege' THEN
      RETURN jsonb_build_object('refuses', true, 'by', 'privilege', 'state', '42501', 'why', each.how, 'object', each.what);
    ELSIF each.how IS NOT NULL THEN
      found := jsonb_build_object('refuses', false, 'by', 'privilege', 'why', each.how, 'object', each.what);
    END IF;
  END IF;

  -- A relation that has another name now is compared with what was worst before.
  SELECT key, value INTO each FROM jsonb_each_text(coalesce(after->'rowSecurity', '{}'))
    WHERE (value = 'denied') > coalesce(before->'rowSecurity'->>key = 'denied',
        NOT before->'relations' ? key AND before->'rowSecurity' @? '$.* ? (@ == "denied")', false)
      OR NOT coalesce(before->'rowSecurity' ? key, false) AND (before->'relations' ? key OR before->'rowSecurity' IS NULL)
    ORDER BY value, key LIMIT 1;
  IF each.value = 'denied' THEN
    RETURN jsonb_build_object('refuses', true, 'by', 'row-security', 'why', 'no-policy', 'relation', each.key);
  ELSIF each.value IS NOT NULL THEN
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'row-security', 'why', 'policies', 'relation', each.key));
  END IF;

  overloaded := EXISTS (
    SELECT FROM jsonb_array_elements_text(coalesce(after->'functions', '[]')) AS a (signature)
      JOIN jsonb_array_elements_text(coalesce(before->'functions', '[]')) AS b (signature)
        ON split_part(a.signature, '(', 1) = split_part(b.signature, '(', 1)
    WHERE NOT before->'functions' ? a.signature);
  -- A type that was renamed is the same type: what was known by its old name is known by the new one.
  SELECT jsonb_object_agg(b.name, a.name) INTO renamed
    FROM jsonb_array_elements_text(before->'ids') WITH ORDINALITY AS i (id, n)
      JOIN jsonb_array_elements_text((before->'parameters') || coalesce(before->'results', '[]')) WITH ORDINALITY AS b (name, n) ON b.n = i.n
      JOIN jsonb_array_elements_text((after->'parameters') || coalesce(after->'results', '[]')) WITH ORDINALITY AS a (name, n) ON a.n = i.n
    WHERE after->'ids'->>(i.n - 1)::int = i.id AND a.name <> b.name;
  IF renamed IS NOT NULL THEN
    before := before || jsonb_strip_nulls(jsonb_build_object(
      'parameters', (SELECT jsonb_agg(coalesce(renamed->>name, name) ORDER BY n) FROM jsonb_array_elements_text(before->'parameters') WITH ORDINALITY AS p (name, n)),
      'results', (SELECT jsonb_agg(coalesce(renamed->>name, name) ORDER BY n) FROM jsonb_array_elements_text(before->'results') WITH ORDINALITY AS p (name, n)),
      'columns', (SELECT jsonb_object_agg(key, coalesce(renamed->>value, value)) FROM jsonb_each_text(before->'columns'))));
  END IF;
  before := before || jsonb_build_object('types', coalesce(before->'bases', before->'parameters'));
  after := after || jsonb_build_object('types', coalesce(after->'bases', after->'parameters'));
  ${changed('types', `'breaks', 'converts'`)}
  IF each.n IS NOT NULL THEN
    IF each.change = 'breaks' AND NOT overloaded THEN
      RETURN jsonb_build_object('refuses', true, 'by', 'type', 'why', 'parameter', 'number', each.n, 'was', each.was, 'is', each.now_is);
    END IF;
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'type',
      'why', CASE WHEN overloaded THEN 'overload' ELSE 'parameter' END, 'number', each.n, 'was', each.was, 'is', each.now_is));
  END IF;

  IF before->'results' <> after->'results' THEN
    -- Another number of columns is SELECT *: which of them is which nobody knows.
    IF jsonb_array_length(before->'results') = jsonb_array_length(after->'results') THEN
      ${changed('results', `'breaks'`)}
      IF each.n IS NOT NULL THEN
        RETURN jsonb_build_object('refuses', true, 'by', 'type', 'why', 'result', 'number', each.n, 'was', each.was, 'is', each.now_is);
      END IF;
    END IF;
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'type', 'why', 'row'));
  END IF;

  -- A column that got a number from a sequence gets nothing; and which sequence nextval($1) means nobody knows.
  SELECT had.name AS key, lost.why AS change INTO each
    FROM (VALUES ('numbered', 'unnumbered'), ('sequences', 'sequence')) AS lost (list, why),
      LATERAL jsonb_array_elements_text(before->lost.list) AS had (name)
    WHERE CASE lost.list WHEN 'numbered' THEN after->'empty' ? had.name ELSE NOT after->'sequences' ? had.name END
    ORDER BY lost.list, had.name LIMIT 1;
  IF each.key IS NOT NULL THEN
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'plan', 'why', each.change, 'object', each.key));
  END IF;

  -- What becomes of the column in the statement nobody knows: it may only be compared.
  SELECT now_has.key, had.value AS was, now_has.value AS now_is INTO each
    FROM jsonb_each_text(coalesce(after->'columns', '{}')) AS now_has
      JOIN jsonb_each_text(coalesce(before->'columns', '{}')) AS had ON had.key = now_has.key
    WHERE trueup._type_change(had.value, now_has.value) IN ('breaks', 'converts', 'narrows') ORDER BY now_has.key LIMIT 1;
  IF each.key IS NOT NULL THEN
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'type', 'why', 'column', 'object', each.key,
      'was', each.was, 'is', each.now_is));
  END IF;
  RETURN found;
END
$fn$`;

export const COMPARISON: readonly string[] = [BASE_TYPE, TYPE_CHANGE, WORSE];
