/** Statements of dbmate's files about dbmate itself. */
import type { Source } from '../read/source';
import type { ParsedStatement } from '../read/statements';
import { unwrapNode, unwrapNodes } from '../read/tree';

/** Removes GRANT and REVOKE on dbmate's ledger, which does not exist where Trueup applies the files. */
export function removeDbmateLedgerGrants(
  source: Source,
  statements: readonly ParsedStatement[],
): ParsedStatement[] {
  return statements.filter(({ node, start }) => {
    const { objects, objtype } = unwrapNode(node, 'GrantStmt') ?? {};
    const tables = objtype === 'OBJECT_TABLE' ? unwrapNodes(objects, 'RangeVar') : [];
    if (tables.length === 0 || tables.some(({ relname }) => relname !== 'schema_migrations')) return true;
    source.warn(
      start,
      "the statement is about dbmate's own ledger, which does not exist here",
      'It is skipped. Trueup keeps its ledger in the schema `trueup`.',
    );
    return false;
  });
}
