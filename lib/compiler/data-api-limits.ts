/** What of a folder cannot work through the RDS Data API, as far as that can be known before anything is deployed. Pure. */

import type { Manifest, Migration } from '../../lambda/contract/manifest';
import { PREFLIGHT_FAILED, raiseRows, VERIFICATION_FAILED } from '../../lambda/engine/apply/raise-rows';
import { segmentsOf } from '../../lambda/engine/apply/script';
import { recordStatement } from '../../lambda/engine/ledger/rows';
import { lockPlan } from '../../lambda/engine/locks/locks';
import { MAX_STATEMENT_LENGTH } from '../../lambda/postgres/data-api/limits';
import { replaceInCode } from '../../lambda/sql/scan';

/** The longest that the constructs and the command line give: see checkedNamespace() and newRequestId(). */
const NAMESPACE = 'n'.repeat(63);
const DEPLOYMENT = 'd'.repeat(40);

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
        remedy: 'Put a space after the colon, as in `a[1: n]`.',
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
  for (const [section, sqlstate] of SECTIONS) {
    const queries = migration[section];
    const remedy = 'Shorten its queries, or move some of them to another migration.';
    if (queries[0])
      check(raiseRows(queries, sqlstate).length, queries[0].line, `the ${section} section`, remedy);
  }
  for (const { from, to } of segmentsOf(migration, 0)) {
    const { take } = lockPlan(migration.statements.slice(from, to));
    check(take?.length ?? 0, migration.statements[from]!.line, 'the list of locks', 'Split the migration.');
  }
  const row = ledgerRowLength(migration);
  const line = migration.down[0]?.line ?? migration.statements[0]?.line ?? 1;
  check(row, line, "the ledger's row", 'Shorten the down section, or split the migration.');
  return found;
}

const SECTIONS = [
  ['preflight', PREFLIGHT_FAILED],
  ['verify', VERIFICATION_FAILED],
] as const;

/**
 * The ledger keeps a checksum a statement, and what undoes the migration, in one statement: the longest that it can
 * become, be it done or under way.
 */
function ledgerRowLength(migration: Migration): number {
  const { statements } = migration;
  const length = (statement: number, running: number | null): number =>
    recordStatement(
      NAMESPACE,
      DEPLOYMENT,
      migration,
      {
        state: running === null ? 'unverified' : 'partial',
        statement,
        running,
        attempts: running === null ? 0 : 999,
        proved: false,
      },
      {
        state: 'unverified',
        statement,
        running: statement,
        up_checksum: migration.checksums.up,
        deployment: DEPLOYMENT,
      },
    ).length;
  // What runs outside a transaction is recorded before, with what it makes.
  const running = statements.flatMap(({ execution }, i) => (execution === 'outside' ? [length(i, i)] : []));
  return Math.max(length(statements.length, null), ...running);
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
