/** Names in SQL text: taken out of their quotes. */

import { identifierOf, tokens } from '../sql/tokens';

/** `public."Order"` → `Order`. */
export function lastName(sqlName: string): string {
  let last = sqlName;
  for (const token of tokens(sqlName)) last = identifierOf(token) ?? last;
  return last;
}
