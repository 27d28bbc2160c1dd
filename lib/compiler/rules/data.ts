/** Statements that read and change rows. */
import type { CopyStmt, LockStmt, TruncateStmt } from 'libpg-query';
import { LOCK_MODES } from '../../../lambda/contract/locks';
import { cascade } from '../lint/cascade';
import { deleteRows } from '../lint/delete-rows';
import { opaqueCode } from '../lint/opaque-code';
import { opaqueTrigger } from '../lint/opaque-trigger';
import { truncate as truncateRule } from '../lint/truncate';
import type { RowEvent } from '../model/triggers';
import { formatRelation, formatSqlName, isOptionOn, type NodeBody, unwrapNodes } from '../read/tree';
import { FactsBuilder, type RuleContext } from './facts';
import { type FunctionCall, inspectTree } from './inspect';
import { ENGINE_SETTINGS } from './session';

/** Classifies SELECT, INSERT, UPDATE, DELETE, MERGE, and statements that contain such a query. */
export function classifyQuery(
  command: string,
  body: object,
  kind: string,
  context: RuleContext,
): FactsBuilder {
  const facts = new FactsBuilder(command, context);
  const found = inspectTree({ [kind]: body });
  for (const [relation, mode] of found.locks) facts.lock(relation, mode);
  for (const { relation, command } of found.deletes)
    if (!facts.hasOnlyNewRows(relation)) facts.breaks(deleteRows, [command, relation]);
  for (const call of found.calls) refuseSessionCall(facts, call.name, call.args, call.at);
  for (const { relation, event } of found.changes) {
    recordHooks(facts, relation, event);
    if (/^(pg_catalog\.)?pg_settings$/.test(relation))
      facts.refuse(`${event} of pg_settings outlives the migration`, 'Write SET LOCAL.');
  }
  for (const relation of found.locks.keys()) recordHooks(facts, relation, 'SELECT');
  recordUnseenCalls(
    facts,
    found.calls.filter(({ name }) => !SESSION_FUNCTIONS.test(name.join('.'))),
  );
  return facts;
}

/** Records calls of functions whose code cannot be read. */
export function recordUnseenCalls(facts: FactsBuilder, calls: readonly FunctionCall[]): void {
  const { functions } = facts.context.file.folder;
  for (const { name, at } of calls)
    if (!functions.changesNoData(name, (called) => facts.key(formatSqlName(called))))
      facts.breaks(opaqueCode, [`the function ${name.join('.')}`], at).lockUnseen('ACCESS EXCLUSIVE');
}

/** Records triggers, rules and defaults that the file itself added. Older ones are unknown. */
function recordHooks(facts: FactsBuilder, relation: string, event: RowEvent): void {
  const { triggers: hooks, showsOldRows: windows } = facts.context.file;
  const key = facts.key(relation);
  // A view may show the rows of any relation.
  if (hooks.has(key, event) || (event !== 'SELECT' && windows.has(key) && hooks.hasAny(event)))
    facts.breaks(opaqueTrigger, [event, relation]).lockUnseen('ACCESS EXCLUSIVE');
}

const SESSION_FUNCTIONS =
  /^(pg_catalog\.)?(set_config|pg_(try_)?advisory_lock(_shared)?|pg_advisory_unlock\w*|pg_notify)$/;

/** Rejects function calls with the effect of SET, LISTEN or a session-level advisory lock. */
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
  const own = setConfig ? ENGINE_SETTINGS[setting!] : undefined;
  if (own) {
    facts.refuse(`set_config of ${setting} is reserved for Trueup`, own, at);
    return;
  }
  // The parser represents `true` as a constant.
  if (setConfig && (args[2] as Constant)?.A_Const?.boolval?.boolval) return;
  facts.refuse(
    setConfig ? '`set_config(…, false)` outlives the migration' : `\`${word}\` outlives the migration`,
    setConfig ? 'Give `true` as its third argument, or write SET LOCAL.' : 'Remove the call.',
    at,
  );
}

type Constant = { A_Const?: { boolval?: { boolval?: boolean }; sval?: { sval?: string } } } | undefined;

export function classifyCall(context: RuleContext): FactsBuilder {
  return new FactsBuilder('CALL', context)
    .breaks(opaqueCode, ['the procedure'])
    .lockUnseen('ACCESS EXCLUSIVE');
}

export function classifyDoBlock(context: RuleContext): FactsBuilder {
  return new FactsBuilder('DO', context).breaks(opaqueCode, ['the DO block']).lockUnseen('ACCESS EXCLUSIVE');
}

export function classifyTruncate({ relations, behavior }: TruncateStmt, context: RuleContext): FactsBuilder {
  const facts = new FactsBuilder('TRUNCATE TABLE', context);
  for (const relation of unwrapNodes(relations, 'RangeVar')) {
    facts.lock(relation, 'ACCESS EXCLUSIVE');
    if (!facts.hasOnlyNewRows(formatRelation(relation)))
      facts.breaks(truncateRule, [formatRelation(relation)], relation.location);
    recordHooks(facts, formatRelation(relation), 'TRUNCATE');
  }
  if (behavior === 'DROP_CASCADE')
    facts.breaks(cascade, ['CASCADE empties every table that refers to it']).lockUnseen('ACCESS EXCLUSIVE');
  return facts;
}

export function classifyCopy(body: CopyStmt, context: RuleContext): FactsBuilder {
  const facts = body.query
    ? classifyQuery('COPY', body.query, 'query', context)
    : new FactsBuilder('COPY', context).lock(body.relation, body.is_from ? 'ROW EXCLUSIVE' : 'ACCESS SHARE');
  recordUnseenCalls(facts, inspectTree(body.whereClause ?? {}).calls);
  if (body.is_from && body.relation) recordHooks(facts, formatRelation(body.relation), 'INSERT');
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

export function classifyLockTable({ relations, mode }: LockStmt, context: RuleContext): FactsBuilder {
  const facts = new FactsBuilder('LOCK TABLE', context);
  for (const relation of unwrapNodes(relations, 'RangeVar'))
    facts.lock(relation, LOCK_MODES[(mode ?? 8) - 1]!);
  return facts;
}

export function classifyExplain(
  { query: explained, options }: NodeBody<'ExplainStmt'>,
  context: RuleContext,
): FactsBuilder {
  const facts = classifyQuery('EXPLAIN', explained ?? {}, 'query', context);
  if (isOptionOn(options, 'analyze')) return facts;
  // Without ANALYZE the statement is only planned, which takes its locks and nothing else.
  const planned = new FactsBuilder(facts.command, context);
  for (const { relation, mode } of facts.locks()) planned.lockKnown(relation, mode);
  // The planner evaluates IMMUTABLE functions, and STABLE ones for its estimates.
  recordUnseenCalls(planned, inspectTree(explained ?? {}).calls);
  return planned;
}
