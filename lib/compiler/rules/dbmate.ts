/** What dbmate's files say of dbmate itself. */
import type { Source } from '../read/source';
import type { ParsedStatement } from '../read/statements';
import { all, as } from '../read/tree';

/** Without GRANT and REVOKE on dbmate's ledger: where Trueup applies the files, there is none. */
export function withoutItsLedger(source: Source, statements: readonly ParsedStatement[]): ParsedStatement[] {
  return statements.filter(({ node, start }) => {
    const { objects, objtype } = as(node, 'GrantStmt') ?? {};
    const tables = objtype === 'OBJECT_TABLE' ? all(objects, 'RangeVar') : [];
    if (tables.length === 0 || tables.some(({ relname }) => relname !== 'schema_migrations')) return true;
    source.warn(
      start,
      "the statement is about dbmate's own ledger, which does not exist here",
      'It is skipped. Trueup keeps its ledger in the schema `trueup`.',
    );
    return false;
  });
}
