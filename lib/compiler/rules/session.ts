/** Statements that belong to the session or to the whole server, and therefore not in a migration. */
import type { TransactionStmt, VariableSetStmt } from 'libpg-query';
import { FactsBuilder, type RuleContext } from './facts';

const TRANSACTION_REMEDY =
  'Remove it: Trueup opens and commits the transaction, together with verify and the ledger.';

export function classifyTransactionControl({ kind }: TransactionStmt, context: RuleContext): FactsBuilder {
  const word = (kind ?? '')
    .replace('TRANS_STMT_', '')
    .replaceAll('_', ' ')
    .replace('PREPARE', 'PREPARE TRANSACTION');
  return new FactsBuilder(word, context).refuse(`${word} controls the transaction`, TRANSACTION_REMEDY);
}

/** Settings that the engine sets itself, with what to write in the file instead. */
export const ENGINE_SETTINGS: Readonly<Record<string, string>> = {
  lock_timeout: 'Write `-- migrate:settings lock-timeout=…` in its place.',
  statement_timeout: 'Write `-- migrate:settings statement-timeout=…` in its place.',
  role: 'Remove it: the migration runs as the owner that the deployment names.',
  session_authorization: 'Remove it: the migration runs as the owner that the deployment names.',
};

export function classifySetting(
  { kind, name: written, is_local }: VariableSetStmt,
  context: RuleContext,
): FactsBuilder {
  // The server ignores the case of setting names, but quotes keep it: SET LOCAL "ROLE".
  const name = kind === 'VAR_SET_MULTI' ? written : written?.toLowerCase();
  const facts = new FactsBuilder(kind?.startsWith('VAR_RESET') ? 'RESET' : 'SET', context);
  if (name === 'TRANSACTION' || name === 'TRANSACTION SNAPSHOT')
    return facts.refuse(`SET ${name} controls the transaction`, TRANSACTION_REMEDY);
  if (name === 'SESSION CHARACTERISTICS')
    return facts.refuse('SET SESSION CHARACTERISTICS outlives the migration', 'Remove it.');
  const own = ENGINE_SETTINGS[name ?? ''];
  const spelled =
    name === 'role' || name === 'session_authorization' ? name.replace('_', ' ').toUpperCase() : name;
  const verb = facts.command === 'RESET' ? 'RESET' : is_local ? 'SET LOCAL' : 'SET';
  if (own) return facts.refuse(`${verb} ${spelled} is reserved for Trueup`, own);
  if (kind === 'VAR_RESET_ALL' || kind === 'VAR_RESET')
    return facts.refuse(`RESET ${name ?? 'ALL'} changes the session`, 'Remove it.');
  if (!is_local)
    facts.refuse(
      `SET ${name} outlives the migration`,
      `Write SET LOCAL ${name}, which ends with the transaction.`,
    );
  return facts;
}

const buildRefusal =
  (command: string, what: string, remedy: string) =>
  (_body: object, context: RuleContext): FactsBuilder =>
    new FactsBuilder(command, context).refuse(what, remedy);

const SERVER_REMEDY = 'Do it once with psql, or in the stack that creates the database.';

export const refuseSession = (command: string) =>
  buildRefusal(
    command,
    `${command} belongs to a session, and a migration has no session of its own`,
    'Remove it.',
  );

export const refuseServer = (command: string) =>
  buildRefusal(command, `${command} concerns the whole server, not this database`, SERVER_REMEDY);

export const refuseAlterSystem = buildRefusal(
  'ALTER SYSTEM',
  'ALTER SYSTEM changes the whole server, and is not available on RDS and Aurora',
  'Set it in the parameter group.',
);
