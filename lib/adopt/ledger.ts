/** Finds the ledger in the database that belongs to the folder. Pure. */
import { parseNames } from '../../lambda/audit/names';
import type { ForeignLedger } from '../../lambda/engine/ledger/other-tools';
import { quoteIdentifier } from '../../lambda/sql/quote';
import { isApplied, type LedgerStatus, type ToolFolder, type ToolRules } from './entry';
import { AdoptProblem } from './problem';

export interface FoundLedger {
  /** Schema-qualified and quoted name. */
  readonly table: string;
  readonly rows: NonNullable<ForeignLedger['rows']>;
  readonly judgment: LedgerStatus;
}

export interface LedgerSearch {
  readonly ledger: FoundLedger | null;
  /** Tables with the columns of such a ledger that were not chosen. */
  readonly others: readonly string[];
}

/**
 * Returns the ledger of the folder, recognized by its columns and by a row about one of the folder's files. Columns are
 * not enough: other tools, and the services of hosted databases, have tables of the same form.
 * @param wanted ledger to use, as `schema.table`. @default - the ledger that lists files of this folder
 * @throws {AdoptProblem} if several ledgers match, `wanted` does not exist, or the ledger cannot be read
 */
export function findLedger(
  all: readonly ForeignLedger[],
  rules: ToolRules,
  { entries }: ToolFolder,
  wanted?: string,
): LedgerSearch {
  const ofTool = all.filter(
    ({ tool }) => tool === rules.tool || (rules.tool === 'dbmate' && tool === 'Rails'),
  );
  const named =
    wanted === undefined ? ofTool : ofTool.filter(({ table }) => table === parseTableName(wanted));
  if (wanted !== undefined && named.length === 0)
    throw new AdoptProblem(
      `${wanted} is not a ledger of ${rules.tool}: the table does not exist or its columns differ`,
      ofTool.length === 0
        ? 'Look for it in the schema that the tool is configured for, and check that the role may read it.'
        : `Ledgers found: ${ofTool.map(({ table }) => table).join(', ')}.`,
    );
  const judged = named.map(({ table, rows, code }) => {
    if (rows === null && (wanted !== undefined || named.length === 1))
      throw code === undefined
        ? new AdoptProblem(
            `${table} looks like the ledger of ${rules.tool}, but the login role may not read it`,
            `Give the role SELECT on it, or use the role that runs ${rules.tool}.`,
          )
        : new AdoptProblem(
            `${table} looks like the ledger of ${rules.tool}, but reading it may run untrusted code with the privileges of this login (${code})`,
            `Use the role that runs ${rules.tool}.`,
          );
    return { table, rows: rows ?? [], judgment: rules.judge(rows ?? [], entries) };
  });
  const isAbout = ({ judgment }: FoundLedger): boolean =>
    judgment.entries.some(({ state }) => isApplied(state) || state === 'failed');
  const about = judged.filter(isAbout);
  if (about.length > 1)
    throw new AdoptProblem(
      `${about.length} tables are ledgers of ${rules.tool} with files of this folder: ${about.map(({ table }) => table).join(', ')}`,
      'Choose one with --ledger schema.table.',
    );
  const empty = judged.filter(({ rows }) => rows.length === 0);
  const chosen =
    about[0] ??
    (wanted !== undefined ? judged[0] : undefined) ??
    (judged.length === 1 ? empty[0] : undefined);
  return {
    ledger: chosen ?? null,
    others: judged.filter((each) => each !== chosen).map(({ table }) => table),
  };
}

const parseTableName = (text: string): string => {
  const names = parseNames(text);
  return (names.length === 1 ? ['public', ...names] : names).map(quoteIdentifier).join('.');
};
