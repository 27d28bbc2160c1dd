/** Queries whose rows are sentences, sent as a block that raises them. Pure. */

import type { Query } from '../../contract/manifest';
import { dollarQuote } from '../../sql/quote';

/** Raised by our own blocks; PostgreSQL leaves class TU free. The message is a count and sentences, a line each. */
export const VERIFICATION_FAILED = 'TU001';
export const PREFLIGHT_FAILED = 'TU002';

/**
 * Runs queries whose rows are sentences, and raises them. Rows returned to the client would come after COMMIT.
 * The loop's variable is one text, so it takes each row's first column. The queries' names mean what the caller's path
 * says; the block's own are pinned.
 */
export function raiseRows(queries: readonly Query[], sqlstate: string): string {
  const loops = queries.map(
    ({ sql }) =>
      `  FOR s IN EXECUTE ${dollarQuote(sql)} LOOP
    n := n OPERATOR(pg_catalog.+) 1;
    IF n OPERATOR(pg_catalog.<=) 20 THEN
      a := pg_catalog.concat(a, E'\\n', pg_catalog.left(coalesce(s, '(null)'), 300));
    END IF;
  END LOOP;`,
  );
  const body = `DECLARE s pg_catalog.text; n int := 0; a pg_catalog.text := '';
BEGIN
${loops.join('\n')}
  IF n OPERATOR(pg_catalog.>) 0 THEN
    RAISE EXCEPTION USING ERRCODE = '${sqlstate}', MESSAGE = pg_catalog.concat(n, a);
  END IF;
END`;
  return `DO ${dollarQuote(body)}`;
}
