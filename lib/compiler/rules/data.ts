/** Statements that read and change rows. */
import type { CopyStmt, LockStmt, TruncateStmt } from 'libpg-query';
import { LOCK_MODES } from '../../../lambda/contract/locks';
import { cascade } from '../lint/cascade';
import { deleteRows } from '../lint/delete-rows';
import { truncate as truncateRule } from '../lint/truncate';
import { unseenCode } from '../lint/unseen-code';
import { unseenTrigger } from '../lint/unseen-trigger';
import type { RowEvent } from '../model/triggers';
import { all, type Body, isOn, relationOf, sqlName } from '../read/tree';
import { type Context, FactsBuilder } from './facts';
import { type FunctionCall, inspect } from './inspect';
import { OWN_SETTINGS } from './session';

/** SELECT, INSERT, UPDATE, DELETE, MERGE, and whatever holds such a query. */
export function query(command: string, body: object, kind: string, context: Context): FactsBuilder {
  const facts = new FactsBuilder(command, context);
  const found = inspect({ [kind]: body });
  for (const [relation, mode] of found.locks) facts.lock(relation, mode);
  for (const { relation, command } of found.deletes)
    if (!facts.hasOnlyNewRows(relation)) facts.breaks(deleteRows, [command, relation]);
  for (const call of found.calls) refuseSessionCall(facts, call.name, call.args, call.at);
  for (const { relation, event } of found.changes) {
    runHooks(facts, relation, event);
    if (/^(pg_catalog\.)?pg_settings$/.test(relation))
      facts.refuse(`${event} of pg_settings outlives the migration`, 'Write SET LOCAL.');
  }
  for (const relation of found.locks.keys()) runHooks(facts, relation, 'SELECT');
  findUnseen(
    facts,
    found.calls.filter(({ name }) => !SESSION_FUNCTIONS.test(name.join('.'))),
  );
  return facts;
}

/** Calls whose inside cannot be seen. */
export function findUnseen(facts: FactsBuilder, calls: readonly FunctionCall[]): void {
  const { functions } = facts.context.file.folder;
  for (const { name, at } of calls)
    if (!functions.changesNoData(name, (called) => facts.key(sqlName(called))))
      facts.breaks(unseenCode, [`the function ${name.join('.')}`], at).lockUnseen('ACCESS EXCLUSIVE');
}

/** Triggers, rules and defaults that the file itself added. What was there before is not known. */
function runHooks(facts: FactsBuilder, relation: string, event: RowEvent): void {
  const { triggers: hooks, showsOldRows: windows } = facts.context.file;
  const key = facts.key(relation);
  // Behind a view may be any relation.
  if (hooks.has(key, event) || (event !== 'SELECT' && windows.has(key) && hooks.hasAny(event)))
    facts.breaks(unseenTrigger, [event, relation]).lockUnseen('ACCESS EXCLUSIVE');
}

const SESSION_FUNCTIONS =
  /^(pg_catalog\.)?(set_config|pg_(try_)?advisory_lock(_shared)?|pg_advisory_unlock\w*|pg_notify)$/;

/** What SET, LISTEN and a session's advisory lock do, dressed as a function. */
function refuseSessionCall(
  facts: FactsBuilder,
  name: readonly string[],
  args: readonly unknown[],
  at: number,
): void {
  const word = name.join('.');
  if (!SESSION_FUNCTIONS.test(word)) return;
  const setConfig = word.endsWith('set_config');
  const setting = (args[0] as Constant)?.A_Const?.sval?.sval?.toLowerCase();
  if (setConfig && setting === undefined) {
    facts.refuse('set_config does not say which setting it changes', 'Write its name as a string.', at);
    return;
  }
  const own = setConfig ? OWN_SETTINGS[setting!] : undefined;
  if (own) {
    facts.refuse(`set_config of ${setting} is reserved for Trueup`, own, at);
    return;
  }
  // The parser gives `true` as a constant.
  if (setConfig && (args[2] as Constant)?.A_Const?.boolval?.boolval) return;
  facts.refuse(
    setConfig ? '`set_config(…, false)` outlives the migration' : `\`${word}\` outlives the migration`,
    setConfig ? 'Give `true` as its third argument, or write SET LOCAL.' : 'Remove the call.',
    at,
  );
}

type Constant = { A_Const?: { boolval?: { boolval?: boolean }; sval?: { sval?: string } } } | undefined;

export function call(context: Context): FactsBuilder {
  return new FactsBuilder('CALL', context)
    .breaks(unseenCode, ['the procedure'])
    .lockUnseen('ACCESS EXCLUSIVE');
}

export function doBlock(context: Context): FactsBuilder {
  return new FactsBuilder('DO', context).breaks(unseenCode, ['the DO block']).lockUnseen('ACCESS EXCLUSIVE');
}

export function truncate({ relations, behavior }: TruncateStmt, context: Context): FactsBuilder {
  const facts = new FactsBuilder('TRUNCATE TABLE', context);
  for (const relation of all(relations, 'RangeVar')) {
    facts.lock(relation, 'ACCESS EXCLUSIVE');
    if (!facts.hasOnlyNewRows(relationOf(relation)))
      facts.breaks(truncateRule, [relationOf(relation)], relation.location);
    runHooks(facts, relationOf(relation), 'TRUNCATE');
  }
  if (behavior === 'DROP_CASCADE')
    facts.breaks(cascade, ['CASCADE empties every table that refers to it']).lockUnseen('ACCESS EXCLUSIVE');
  return facts;
}

export function copy(body: CopyStmt, context: Context): FactsBuilder {
  const facts = body.query
    ? query('COPY', body.query, 'query', context)
    : new FactsBuilder('COPY', context).lock(body.relation, body.is_from ? 'ROW EXCLUSIVE' : 'ACCESS SHARE');
  findUnseen(facts, inspect(body.whereClause ?? {}).calls);
  if (body.is_from && body.relation) runHooks(facts, relationOf(body.relation), 'INSERT');
  const from = body.is_from ? 'FROM' : 'TO';
  if (body.is_program)
    facts.refuse(`COPY ${from} PROGRAM runs a program on the server`, 'Do that outside of migrations.');
  else if (!body.filename && body.is_from)
    facts.refuse(
      'COPY FROM STDIN reads data from a client, and a migration has none',
      'Write INSERT statements, or load the data with a tool made for that.',
    );
  else if (!body.filename)
    facts.refuse(
      'COPY TO STDOUT sends rows to a client, and a migration has none',
      'Remove it; query the rows outside of migrations.',
    );
  return facts;
}

export function lockTable({ relations, mode }: LockStmt, context: Context): FactsBuilder {
  const facts = new FactsBuilder('LOCK TABLE', context);
  for (const relation of all(relations, 'RangeVar')) facts.lock(relation, LOCK_MODES[(mode ?? 8) - 1]!);
  return facts;
}

export function explain({ query: explained, options }: Body<'ExplainStmt'>, context: Context): FactsBuilder {
  const facts = query('EXPLAIN', explained ?? {}, 'query', context);
  if (isOn(options, 'analyze')) return facts;
  // Without ANALYZE the statement is planned, and its locks are all that it takes.
  const planned = new FactsBuilder(facts.command, context);
  for (const { relation, mode } of facts.locks()) planned.lockKnown(relation, mode);
  // The planner computes what is IMMUTABLE, and STABLE to estimate.
  findUnseen(planned, inspect(explained ?? {}).calls);
  return planned;
}
