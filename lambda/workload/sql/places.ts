/**
 * Detects columns that a statement uses by position and not by name, where its plan does not show which column gets
 * which value: an INSERT of constants, or in a MERGE, without a column list; `*` in a part of UNION or in a query of IN;
 * and column aliases of a table or query. The text shows the construct, and the catalog the columns and their order.
 */
import { buildStrippedTextSql } from '../../sql/trust';

const NAME = String.raw`(?:"[^"]*"|[[:alpha:]_][\w$]*)`;
const QUALIFIED = String.raw`${NAME}(?:\s*\.\s*${NAME})*`;
const LISTED = String.raw`\(\s*${NAME}(?:\s*,\s*${NAME})*\s*\)`;
/** Excludes words that are not an alias after a relation or a query. */
const NO_ALIAS = String.raw`(?!(?:on|using|where|join|inner|left|right|full|cross|natural|group|order|having|limit|offset|window|union|intersect|except|for|fetch|tablesample|set|values|select|with|returning|over|filter|within|in|any|all|some|and|or|not|then|else|when|as|is|like|ilike|similar|between|collate|at)\y)`;

/** Matches `*` for all columns. In a multiplication an operand precedes it, and in count(*) a parenthesis. */
const ALL_COLUMNS = String.raw`(?:\y(?:select|distinct|all|returning)|[,.]|\ydistinct\s+on\s*\([^()]*\))\s*\*|\ytable\s+(?:only\s+)?${NAME}`;
/** Matches a query that selects all columns, or a row of them, where they are compared, assigned or sorted by number. */
const ALL_IN_QUERY = String.raw`\((?:\s*\()*\s*(?:select\s+(?:(?:distinct|all)\s+)?(?:${QUALIFIED}\s*\.\s*)?\*|table\y)`;
const BY_NUMBER = String.raw`(?:\yin|[=<>]\s*(?:(?:any|all|some)\s*)?)\s*${ALL_IN_QUERY}|\yrow\s*\((?:[^()]*,)?\s*${QUALIFIED}\s*\.\s*\*|${ALL_IN_QUERY}[^()]*\y(?:order|group)\s+by\s+(?:[^()]*,\s*)?\d`;
const TABLE_ALIAS = String.raw`(?:\y(?:from|join)\s+|,\s*)(?:only\s+)?(?!(?:lateral|not|case|distinct)\y)${QUALIFIED}\s+(?:as\s+)?${NO_ALIAS}${NAME}\s*${LISTED}`;
const QUERY_ALIAS = String.raw`\)\s*(?:as\s+)?${NO_ALIAS}${NAME}\s*${LISTED}|${NAME}\s*${LISTED}\s+as\s+(?:(?:not\s+)?materialized\s+)?\(`;

const OVERRIDING = String.raw`(?:overriding\s+(?:system|user)\s+value\s*)?`;
const MERGE_INSERT = String.raw`\yinsert\s+${OVERRIDING}values\y`;
const INSERT = String.raw`\yinsert\s+into\s+${QUALIFIED}(?:\s+as\s+${NAME})?\s*${OVERRIDING}(?:\y(?:values|select|with|table)\y|\((?:\s*\()*\s*(?:values\s*\(|(?:select|with|table)\y))`;
const INSERT_VALUES = String.raw`\yinsert\s(?:(?!\yselect\y).)*?\yvalues\s*\((.*)$`;
/** Matches a constant in the list of a SELECT, or of VALUES in a query. */
const CONSTANTS = String.raw`\y(?:select|values)\y(?:(?!\yfrom\y).)*?(?:''|[(,[:space:]][-+]?\.?\d|\y(?:true|false)\y)`;

/**
 * Sets `by_place`, the uses by position: `fills` is the number of columns that an INSERT supplies, or -1 if the text does
 * not show it; `reads` and `aliases` are flags.
 */
const FIND = String.raw`
  by_place := '{}';
  filled := 0;
  spoken := regexp_replace(${buildStrippedTextSql('sent')}, '\yexists\s*\(\s*select\s+\*', 'exists (select', 'gi');
  IF words && '{insert}' THEN
    -- Every INSERT of a WITH or a MERGE counts; the one with the most values decides.
    FOREACH part IN ARRAY regexp_split_to_array(spoken, '\y(?=insert\s)', 'i') LOOP
      CONTINUE WHEN NOT (words && '{merge}' AND part ~* '^${MERGE_INSERT}' OR part ~* '^${INSERT}');
      listed := (regexp_match(part, '${INSERT_VALUES}', 'i'))[1];
      IF listed IS NOT NULL THEN
        WHILE listed ~ '\([^()]*\)|\[[^][]*\]' LOOP listed := regexp_replace(listed, '\([^()]*\)|\[[^][]*\]', ' ', 'g'); END LOOP;
        listed := split_part(listed, ')', 1);
        filled := CASE WHEN filled < 0 THEN filled ELSE greatest(filled, length(listed) - length(replace(listed, ',', '')) + 1) END;
      ELSIF spoken ~* '${CONSTANTS}' THEN
        filled := -1;
      END IF;
    END LOOP;
    IF filled <> 0 THEN by_place := jsonb_build_object('fills', filled); END IF;
  END IF;
  IF spoken ~* '${TABLE_ALIAS}' THEN by_place := by_place || '{"aliases": true}'; END IF;
  IF spoken ~* '${ALL_COLUMNS}' THEN
    IF words && '{union,intersect,except}' OR spoken ~* '${BY_NUMBER}' THEN by_place := by_place || '{"reads": true}'; END IF;
    IF spoken ~* '${QUERY_ALIAS}' THEN by_place := by_place || '{"aliases": true}'; END IF;
  END IF;
  by_place := nullif(by_place, '{}');`;

/** The plan shows a whole row as `t.*`. It counts where it is returned or compared, but not as the argument of a function. */
export const ROWS_BY_PLACE = String.raw`
  IF plan ~ '\.\*' AND (plan ~ '\.\*\)? (=|<>|<|>|<=|>=) |(=|<>|<|>|<=|>=) \(?[^ ]+\.\*'
      OR plan::jsonb->0->'Plan'->>'Node Type' <> 'LockRows' AND EXISTS (
        SELECT FROM jsonb_array_elements_text(plan::jsonb->0->'Plan'->'Output') AS o (shown) WHERE o.shown ~ '^\(?[^()]+\.\*(\)::text)?$')) THEN
    by_place := coalesce(by_place, '{}') || '{"reads": true}';
  END IF;`;

const VARIABLES = 'spoken text; part text; listed text; filled int;';

/**
 * Sets `by_place`; null if every column is used by name. The code is either inlined or calls the installed function,
 * because a statement of the Data API has no room for it.
 */
export const BY_PLACE = {
  variables: VARIABLES,
  inPlace: FIND,
  installed: 'by_place := trueup._by_place(sent, words);',
};
export const BY_PLACE_FUNCTION = `CREATE OR REPLACE FUNCTION trueup._by_place(sent text, words text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  by_place jsonb; ${VARIABLES}
BEGIN${FIND}
  RETURN by_place;
END
$fn$`;

/** CTE with the columns, in order and with their numbers, of the relations that such a statement names. */
export const PLACES = `
  placed AS (
    SELECT m.n, jsonb_object_agg(m.label, jsonb_build_object('written', m.written, 'columns', c.columns)) AS places
    FROM named m JOIN statement s ON s.n = m.n AND jsonb_typeof(s.answer->'byPlace') = 'object', LATERAL (
      SELECT jsonb_agg(jsonb_build_array(a.attname, a.attnum) ORDER BY a.attnum) AS columns
      FROM pg_attribute a WHERE a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped) AS c
    GROUP BY m.n),`;

/**
 * Returns the first position at which such a statement now uses another column than before, with the reason; null if
 * there is none. A column with a new name and its old number was renamed, and counts as the same.
 */
export const DISPLACED = `CREATE OR REPLACE FUNCTION trueup._displaced(by_place jsonb, was jsonb, now_is jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  WITH had AS (
    SELECT c.pair->>0 AS name, c.pair->1 AS number, c.n FROM jsonb_array_elements(was->'columns') WITH ORDINALITY AS c (pair, n)),
  has AS (
    SELECT c.pair->>0 AS name, c.pair->1 AS number, c.n FROM jsonb_array_elements(now_is->'columns') WITH ORDINALITY AS c (pair, n)),
  same AS (
    SELECT has.n, has.name AS written, coalesce((SELECT had.name FROM had WHERE had.number = has.number
        AND NOT EXISTS (SELECT FROM has other WHERE other.name = had.name) AND NOT EXISTS (SELECT FROM had other WHERE other.name = has.name)), has.name) AS name
    FROM has),
  kept AS (SELECT had.name, had.n AS was_at, same.n AS is_at FROM had JOIN same USING (name)),
  found AS (
    SELECT had.n AS place, 'fills' AS why, had.name AS was, same.written AS now_has FROM had JOIN same ON same.n = had.n AND same.name <> had.name
      WHERE (now_is->>'written')::boolean AND by_place ? 'fills' AND ((by_place->>'fills')::int < 0 OR had.n <= (by_place->>'fills')::int)
    UNION ALL SELECT had.n, 'placed', had.name, same.written FROM kept JOIN had USING (name) LEFT JOIN same ON same.n = had.n
      WHERE by_place ? 'aliases' AND kept.was_at <> kept.is_at
    UNION ALL SELECT had.n, 'placed', had.name, same.written FROM had LEFT JOIN same ON same.n = had.n
      WHERE by_place ? 'reads' AND had.name IS DISTINCT FROM same.name AND (
        EXISTS (SELECT FROM kept one JOIN kept other ON one.was_at < other.was_at AND one.is_at > other.is_at)
        OR EXISTS (SELECT FROM had gone WHERE gone.name NOT IN (SELECT name FROM same))
          AND EXISTS (SELECT FROM same new WHERE new.name NOT IN (SELECT name FROM had))))
  SELECT jsonb_build_object('why', why, 'was', was, 'is', coalesce(now_has, '')) FROM found ORDER BY place LIMIT 1
$fn$`;
