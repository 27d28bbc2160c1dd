/** Finds what in a folder cannot work through the RDS Data API, as far as that is known before a deployment. Pure. */

import type { Manifest, Migration } from '../../lambda/contract/manifest';
import {
  buildRaiseRowsSql,
  PREFLIGHT_FAILED_SQLSTATE,
  VERIFICATION_FAILED_SQLSTATE,
} from '../../lambda/engine/apply/raise-rows';
import { splitIntoSegments } from '../../lambda/engine/apply/script';
import { buildRecordSql } from '../../lambda/engine/ledger/ledger-rows';
import { planLocks } from '../../lambda/engine/locks/locks';
import { MAX_STATEMENT_LENGTH } from '../../lambda/postgres/data-api/limits';
import { replaceInCode } from '../../lambda/sql/scan';

/** The longest values that occur: a namespace has 63 characters at most, and newRequestId() returns 40. */
const MAX_LENGTH_NAMESPACE = 'n'.repeat(63);
const MAX_LENGTH_REQUEST_ID = 'd'.repeat(40);

export interface DataApiProblem {
  readonly migration: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly remedy: string;
}

/** Returns what in these migrations cannot work through the Data API; empty if everything can. */
export const findDataApiProblems = (manifest: Manifest): DataApiProblem[] =>
  manifest.migrations.flatMap((migration) => [
    ...findLengthProblems(migration),
    ...[...migration.statements, ...migration.down].flatMap(({ sql, line }) =>
      listPlaceholders(sql).map((name) => ({
        ...locateProblem(migration, line),
        message: `the Data API reads \`${name}\` as a named parameter`,
        remedy: 'Put a space after the colon, as in `a[1: n]`.',
      })),
    ),
  ]);

const locateProblem = ({ name, file }: Migration, line: number) => ({ migration: name, file, line });

function findLengthProblems(migration: Migration): DataApiProblem[] {
  const limit = MAX_STATEMENT_LENGTH.toLocaleString('en');
  const found: DataApiProblem[] = [];
  const check = (length: number, line: number, what: string, remedy: string) => {
    if (length <= MAX_STATEMENT_LENGTH) return;
    const message = `${what} has ${length.toLocaleString('en')} characters; the Data API takes ${limit} at most`;
    found.push({ ...locateProblem(migration, line), message, remedy });
  };
  for (const { sql, line, command } of [...migration.statements, ...migration.down]) {
    check(sql.length, line, `this ${command}`, 'Split it into several statements.');
  }
  for (const [section, sqlstate] of SECTIONS) {
    const queries = migration[section];
    const remedy = 'Shorten its queries, or move some of them to another migration.';
    if (queries[0])
      check(buildRaiseRowsSql(queries, sqlstate).length, queries[0].line, `the ${section} section`, remedy);
  }
  for (const { from, to } of splitIntoSegments(migration, 0)) {
    const { take } = planLocks(migration.statements.slice(from, to));
    check(take?.length ?? 0, migration.statements[from]!.line, 'the list of locks', 'Split the migration.');
  }
  const row = computeLedgerRowLength(migration);
  const line = migration.down[0]?.line ?? migration.statements[0]?.line ?? 1;
  check(row, line, "the ledger's row", 'Shorten the down section, or split the migration.');
  return found;
}

const SECTIONS = [
  ['preflight', PREFLIGHT_FAILED_SQLSTATE],
  ['verify', VERIFICATION_FAILED_SQLSTATE],
] as const;

/**
 * Returns the maximum length of the statement that records a migration, whether it is finished or in progress: the
 * ledger keeps a checksum per statement, and the down section, in one row.
 */
function computeLedgerRowLength(migration: Migration): number {
  const { statements } = migration;
  const length = (statement: number, running: number | null): number =>
    buildRecordSql(
      MAX_LENGTH_NAMESPACE,
      MAX_LENGTH_REQUEST_ID,
      migration,
      {
        state: running === null ? 'unverified' : 'partial',
        statement,
        running,
        attempts: running === null ? 0 : 999,
        verified: false,
      },
      {
        state: 'unverified',
        statement,
        running: statement,
        up_checksum: migration.checksums.up,
        deployment: MAX_LENGTH_REQUEST_ID,
      },
    ).length;
  // A non-transactional statement is recorded before it runs, with the objects that it creates.
  const running = statements.flatMap(({ execution }, i) =>
    execution === 'non-transactional' ? [length(i, i)] : [],
  );
  return Math.max(length(statements.length, null), ...running);
}

/** Finds `:name` outside quotes, except `::type`, `:=` and parts of words. */
function listPlaceholders(sql: string): string[] {
  const names: string[] = [];
  replaceInCode(sql, /::|:[A-Za-z_]\w*/y, ([match]) => {
    if (match !== '::') names.push(match!);
    return match!;
  });
  return names;
}
