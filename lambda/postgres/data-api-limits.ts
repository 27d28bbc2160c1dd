/** Limits of the RDS Data API that can be known before anything is deployed. Pure. */
import { type Manifest, type Migration, recordedDown } from '../engine/manifest';
import { quoteLiteral } from './quote';
import { replaceInCode } from './sql-scan';

/** Characters that one call takes, less the mark that each statement begins with. */
export const MAX_STATEMENT_LENGTH = 65_536 - 41;

/** What our own statements need around a section's text: the block that raises its rows, the ledger's row. */
const FRAME = 2_048;

export const tooLong = (sql: string): boolean => sql.length > MAX_STATEMENT_LENGTH;

export interface DataApiProblem {
  readonly migration: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly remedy: string;
}

/** What of these migrations cannot work through the Data API; empty when all of it can. */
export const dataApiProblems = (manifest: Manifest): DataApiProblem[] =>
  manifest.migrations.flatMap((migration) => [
    ...tooLongProblems(migration),
    ...[...migration.statements, ...migration.down].flatMap(({ sql, line }) =>
      placeholders(sql).map((name) => ({
        ...place(migration, line),
        message: `the Data API reads \`${name}\` as a named parameter`,
        remedy: 'Put a space behind the colon, as in `a[1: n]`.',
      })),
    ),
  ]);

const place = ({ name, file }: Migration, line: number) => ({ migration: name, file, line });

function tooLongProblems(migration: Migration): DataApiProblem[] {
  const limit = MAX_STATEMENT_LENGTH.toLocaleString('en');
  const found: DataApiProblem[] = [];
  const check = (length: number, line: number, what: string, remedy: string) => {
    if (length <= MAX_STATEMENT_LENGTH) return;
    const message = `${what} has ${length.toLocaleString('en')} characters; the Data API takes ${limit} at most`;
    found.push({ ...place(migration, line), message, remedy });
  };
  for (const { sql, line, command } of [...migration.statements, ...migration.down]) {
    check(sql.length, line, `this ${command}`, 'Split it into several statements.');
  }
  for (const section of ['preflight', 'verify'] as const) {
    const queries = migration[section];
    const length = FRAME + queries.reduce((sum, { sql }) => sum + sql.length, 0);
    const remedy = 'Shorten its queries, or move some of them to another migration.';
    if (queries[0]) check(length, queries[0].line, `the ${section} section`, remedy);
  }
  const row = ledgerRowLength(migration);
  const line = migration.down[0]?.line ?? migration.statements[0]?.line ?? 1;
  check(row, line, "the ledger's row", 'Shorten the down section, or split the migration.');
  return found;
}

/** The ledger keeps a checksum a statement, and what undoes the migration, in one statement. */
function ledgerRowLength({ statements, down }: Migration): number {
  const undo = down.length === 0 ? '' : quoteLiteral(recordedDown(down));
  return FRAME + 68 * statements.length + undo.length;
}

/** `:name` outside quotes, which is not `::type`, `:=` or part of a word. */
function placeholders(sql: string): string[] {
  const names: string[] = [];
  replaceInCode(sql, /::|:[A-Za-z_]\w*/y, ([match]) => {
    if (match !== '::') names.push(match!);
    return match!;
  });
  return names;
}
