/** Builds a block that runs queries whose rows are sentences, and raises those sentences as an error. Pure. */

import type { Query } from '../../contract/manifest';
import { dollarQuote, quoteLiteral } from '../../sql/quote';
import { NOT_CHECKED_SQLSTATE, UNCHECKED_VARIABLE } from '../sql/support';

/**
 * SQLSTATEs that Trueup's own blocks raise; PostgreSQL does not use class TU. The message is a count, then one
 * sentence per line.
 */
export const VERIFICATION_FAILED_SQLSTATE = 'TU001';
export const PREFLIGHT_FAILED_SQLSTATE = 'TU002';

/** An older schema lacks the function that judges a query's code, so nothing is known about the query. */
const OUTDATED_SCHEMA_MESSAGE = 'an older version installed schema trueup; the next deployment upgrades it';

/**
 * How a block reports queries of a verify section that may reach untrusted code. It does not run them, and either
 * raises an error or makes a note.
 */
export type NotCheckedPolicy = 'raise' | 'note';

/**
 * Builds a block that runs the queries and raises their rows as an error. Rows returned to the client would only
 * arrive after COMMIT. The loop variable is a single text, so it takes the first column of each row. Names in the
 * queries are resolved by the caller's search path; those of the block itself are schema-qualified.
 * @param unchecked whether queries that could not be checked raise {@link NOT_CHECKED_SQLSTATE}, or are noted in {@link
 * UNCHECKED} without an error; failed checks are raised first. @default - every query is run
 */
export function buildRaiseRowsSql(
  queries: readonly Query[],
  sqlstate: string,
  unchecked?: NotCheckedPolicy,
): string {
  const loop = `FOR s IN EXECUTE q LOOP
    n := n OPERATOR(pg_catalog.+) 1;
    IF n OPERATOR(pg_catalog.<=) 20 THEN
      a := pg_catalog.concat(a, E'\\n', pg_catalog.left(coalesce(s, '(null)'), 300));
    END IF;
  END LOOP;`;
  const judged = `BEGIN
    c := CASE WHEN pg_catalog.to_regprocedure('trueup._code(pg_catalog.text,pg_catalog.text,pg_catalog.oid,pg_catalog.bool)') IS NULL
      THEN ${quoteLiteral(OUTDATED_SCHEMA_MESSAGE)}
      ELSE trueup._code(q, pg_catalog.current_setting('search_path')) END;
    IF c IS NULL THEN ${loop} END IF;
  EXCEPTION WHEN SQLSTATE '${NOT_CHECKED_SQLSTATE}' THEN c := SQLERRM;
  END;
  IF c IS NOT NULL THEN u := pg_catalog.concat(u, E'\\n', pg_catalog.left(c, 300)); END IF;`;
  const loops = queries.map(
    ({ sql }) => `  q := ${dollarQuote(sql)};
  ${unchecked === undefined ? loop : judged}`,
  );
  const left = {
    raise: `  IF u OPERATOR(pg_catalog.<>) '' THEN
    RAISE EXCEPTION USING ERRCODE = '${NOT_CHECKED_SQLSTATE}', MESSAGE = pg_catalog.substr(u, 2);
  END IF;
`,
    note: `  PERFORM pg_catalog.set_config('${UNCHECKED_VARIABLE}', pg_catalog.substr(u, 2), true);
`,
  };
  const body = `DECLARE s pg_catalog.text; q pg_catalog.text; c pg_catalog.text; u pg_catalog.text := ''; n int := 0; a pg_catalog.text := '';
BEGIN
${loops.join('\n')}
  IF n OPERATOR(pg_catalog.>) 0 THEN
    RAISE EXCEPTION USING ERRCODE = '${sqlstate}', MESSAGE = pg_catalog.concat(n, a);
  END IF;
${unchecked === undefined ? '' : left[unchecked]}END`;
  return `DO ${dollarQuote(body)}`;
}
