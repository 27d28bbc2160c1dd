/** Reports what statements and queries of a section must not be, beyond the rules for their kind. */
import { callsSetConfig } from '../model/search-path';
import type { FileSection } from '../read/sections';
import type { Source } from '../read/source';
import type { ParsedStatement } from '../read/statements';
import { getKindAndBody, unwrapNode } from '../read/tree';
import type { RuleFacts } from './facts';
import { inspectTree } from './inspect';

export function reportStatementProblems(source: Source, statement: ParsedStatement, facts: RuleFacts): void {
  for (const { what, remedy, at } of facts.refused)
    source.report(at === undefined || at < 0 ? statement.start : statement.toOffset(at), what, remedy);
  reportParameterProblems(source, statement);
}

/**
 * Reports statements after a SET LOCAL that run in another transaction, where the setting has ended: a name may then
 * mean another relation.
 */
export function reportLocalSettingProblems(
  source: Source,
  statements: readonly { readonly parsed: ParsedStatement; readonly facts: RuleFacts }[],
): void {
  const isLocal = ({ node }: ParsedStatement) =>
    unwrapNode(node, 'VariableSetStmt')?.is_local || callsSetConfig(node);
  const set = statements.findIndex(({ parsed }) => isLocal(parsed));
  const beyond = statements.find(({ facts }, i) => set >= 0 && i > set && facts.execution !== 'transaction');
  if (!beyond) return;
  const { node, start } = statements[set]!.parsed;
  const what = unwrapNode(node, 'VariableSetStmt') ? 'SET LOCAL' : 'set_config';
  source.report(
    beyond.parsed.start,
    `${what} of line ${source.findLine(start)} has no effect on this statement, which runs outside that transaction`,
    'Qualify the names with their schema, or move the statement to a separate migration.',
  );
}

/** Reports queries that are more than a read-only query, each of whose rows is a sentence. */
export function reportQueryProblems(
  source: Source,
  section: 'preflight' | 'verify',
  statement: ParsedStatement,
): void {
  const refuse = (what: string, remedy: string) => source.report(statement.start, what, remedy);
  const select = unwrapNode(statement.node, 'SelectStmt');
  if (!select) {
    refuse(
      `the section \`${section}\` may hold only queries`,
      'Write SELECT, VALUES or WITH … SELECT; each row that it returns is a sentence about what is wrong.',
    );
    return;
  }
  const found = inspectTree(statement.node);
  if (found.dataChange) refuse(`the query of \`${section}\` changes data`, 'Move the change to `up`.');
  if (found.into) refuse(`SELECT INTO creates a table in \`${section}\``, 'Remove INTO.');
  if (found.locksRows)
    refuse(`the query of \`${section}\` locks rows`, 'Remove FOR UPDATE, FOR SHARE and the like.');
  for (const { name, at } of found.calls)
    if (SESSION_CALL.test(name.at(-1)!))
      source.report(statement.toOffset(at), `\`${name.join('.')}\` has side effects`, 'Remove the call.');
  reportParameterProblems(source, statement);
}

const SESSION_CALL =
  /^(set_config|pg_(try_)?advisory_\w+|pg_notify|nextval|setval|pg_(terminate|cancel)_backend)$/;

/** Reports `$1` outside functions, since no values are passed. In the body of a function it is an argument. */
function reportParameterProblems(source: Source, { node, toOffset }: ParsedStatement): void {
  const [kind] = getKindAndBody(node);
  if (!QUERY_KINDS.has(kind)) return;
  const { parameter } = inspectTree(node);
  if (parameter)
    source.report(
      toOffset(parameter.at),
      `there is no value for \`$${parameter.number}\` here`,
      'Write the value itself. In a function, quote the body.',
    );
}

const QUERY_KINDS = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'CreateTableAsStmt',
]);

const BATCH_EXAMPLE = `E.g. UPDATE t SET new = old WHERE id IN
  (SELECT id FROM t WHERE new IS NULL LIMIT 1000);`;

/** Reports a batch that is not a single data change with a LIMIT, of which each run does a part. */
export function reportBatchProblems(
  source: Source,
  section: FileSection | undefined,
  statements: readonly ParsedStatement[],
): void {
  if (!section) return;
  const [first, second] = statements;
  if (second)
    source.report(
      second.start,
      'the section `batch` has more than one statement',
      'Write a migration for each.',
    );
  if (!first) return;
  const [kind] = getKindAndBody(first.node);
  if (kind !== 'UpdateStmt' && kind !== 'DeleteStmt' && kind !== 'InsertStmt')
    source.report(
      first.start,
      'a statement with `-- migrate:batch` must be an UPDATE, a DELETE or an INSERT',
      'Move other statements to `up`.',
    );
  else if (!inspectTree(first.node).hasLimit)
    source.report(first.start, 'the batch has no LIMIT, so it changes all rows at once', BATCH_EXAMPLE);
}
