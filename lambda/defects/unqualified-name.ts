/** Unquotes names in SQL. */

import { readIdentifier, tokenizeSql } from '../sql/tokens';

/** Returns the last part of a name: `public."Order"` → `Order`. */
export function extractUnqualifiedName(sqlName: string): string {
  let last = sqlName;
  for (const token of tokenizeSql(sqlName)) last = readIdentifier(token) ?? last;
  return last;
}
