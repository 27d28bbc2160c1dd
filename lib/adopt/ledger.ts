/** Which of the database's ledgers is about the folder. Pure. */
import { namesIn } from '../../lambda/audit/names';
import type { OtherLedger } from '../../lambda/engine/ledger/other-tools';
import { quoteIdentifier } from '../../lambda/sql/quote';
import { isApplied, type Judgement, type ToolFolder, type ToolRules } from './entry';
import { AdoptProblem } from './problem';

export interface FoundLedger {
  /** Quoted, with its schema. */
  readonly table: string;
  readonly rows: NonNullable<OtherLedger['rows']>;
  readonly judgement: Judgement;
}

export interface LedgerSearch {
  readonly ledger: FoundLedger | null;
  /** Of that form, and with no file of this folder. */
  readonly others: readonly string[];
}

/**
 * By its columns, and by a file of this folder in it: other tools, and the services of a hosted database, have tables of
 * the same form.
 * @param wanted `schema.table`. @default - the one that is about the folder
 * @throws {AdoptProblem} where several are, or it cannot be read
 */
export function ledgerOf(
  all: readonly OtherLedger[],
  rules: ToolRules,
  { entries }: ToolFolder,
  wanted?: string,
): LedgerSearch {
  const ofTool = all.filter(
    ({ tool }) => tool === rules.tool || (rules.tool === 'dbmate' && tool === 'Rails'),
  );
  const named = wanted === undefined ? ofTool : ofTool.filter(({ table }) => table === tableNamed(wanted));
  if (wanted !== undefined && named.length === 0)
    throw new AdoptProblem(
      `${wanted} is not a ledger of ${rules.tool}: there is no such table, or it has other columns`,
      ofTool.length === 0
        ? 'Look for it in the schema that the tool is configured for, and check that the role may read it.'
        : `There is ${ofTool.map(({ table }) => table).join(' and ')}.`,
    );
  const judged = named.map(({ table, rows }) => {
    if (rows === null && (wanted !== undefined || named.length === 1))
      throw new AdoptProblem(
        `${table} looks like the ledger of ${rules.tool}, and the login role may not read it`,
        `Give the role SELECT on it, or use the role that runs ${rules.tool}.`,
      );
    return { table, rows: rows ?? [], judgement: rules.judge(rows ?? [], entries) };
  });
  const isAbout = ({ judgement }: FoundLedger): boolean =>
    judgement.entries.some(({ state }) => isApplied(state) || state === 'failed');
  const about = judged.filter(isAbout);
  if (about.length > 1)
    throw new AdoptProblem(
      `${about.length} tables are ledgers of ${rules.tool} with files of this folder: ${about.map(({ table }) => table).join(', ')}`,
      'Say with --ledger schema.table which of them is used.',
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

const tableNamed = (text: string): string => {
  const names = namesIn(text);
  return (names.length === 1 ? ['public', ...names] : names).map(quoteIdentifier).join('.');
};
