/** What statements and queries of a section must not be, beyond what their kind says by itself. */
import { setsByCall } from '../model/search-path';
import type { FileSection } from '../read/sections';
import type { Source } from '../read/source';
import type { ParsedStatement } from '../read/statements';
import { as, kindOf } from '../read/tree';
import type { Facts } from './facts';
import { inspect } from './inspect';

export function statementProblems(source: Source, statement: ParsedStatement, facts: Facts): void {
  for (const { what, remedy, at } of facts.refused)
    source.report(at === undefined || at < 0 ? statement.start : statement.offsetOf(at), what, remedy);
  parameterProblems(source, statement);
}

/** SET LOCAL ends with its transaction: a later statement that runs in another would mean other relations, say. */
export function localSettingProblems(
  source: Source,
  statements: readonly { readonly parsed: ParsedStatement; readonly facts: Facts }[],
): void {
  const isLocal = ({ node }: ParsedStatement) => as(node, 'VariableSetStmt')?.is_local || setsByCall(node);
  const set = statements.findIndex(({ parsed }) => isLocal(parsed));
  const beyond = statements.find(({ facts }, i) => set >= 0 && i > set && facts.execution !== 'transaction');
  if (!beyond) return;
  const { node, start } = statements[set]!.parsed;
  const what = as(node, 'VariableSetStmt') ? 'SET LOCAL' : 'set_config';
  source.report(
    beyond.parsed.start,
    `${what} of line ${source.lineOf(start)} has no effect on this statement, which runs outside that transaction`,
    'Qualify the names with their schema, or move the statement to a separate migration.',
  );
}

/** A query that looks and changes nothing: each row that it returns is a sentence. */
export function queryProblems(
  source: Source,
  section: 'preflight' | 'verify',
  statement: ParsedStatement,
): void {
  const refuse = (what: string, remedy: string) => source.report(statement.start, what, remedy);
  const select = as(statement.node, 'SelectStmt');
  if (!select) {
    refuse(
      `the section \`${section}\` may hold only queries`,
      'Write SELECT, VALUES or WITH … SELECT; each row that it returns is a sentence about what is wrong.',
    );
    return;
  }
  const found = inspect(statement.node);
  if (found.dataChange) refuse(`the query of \`${section}\` changes data`, 'Move the change to `up`.');
  if (found.into) refuse(`SELECT INTO creates a table in \`${section}\``, 'Remove INTO.');
  if (found.locksRows)
    refuse(`the query of \`${section}\` locks rows`, 'Remove FOR UPDATE, FOR SHARE and the like.');
  for (const { name, at } of found.calls)
    if (SESSION_CALL.test(name.at(-1)!))
      source.report(statement.offsetOf(at), `\`${name.join('.')}\` has side effects`, 'Remove the call.');
  parameterProblems(source, statement);
}

const SESSION_CALL =
  /^(set_config|pg_(try_)?advisory_\w+|pg_notify|nextval|setval|pg_(terminate|cancel)_backend)$/;

/** Nobody gives values for `$1`; in a function's body it is an argument. */
function parameterProblems(source: Source, { node, offsetOf }: ParsedStatement): void {
  const [kind] = kindOf(node);
  if (!QUERIES.has(kind)) return;
  const { parameter } = inspect(node);
  if (parameter)
    source.report(
      offsetOf(parameter.at),
      `there is no value for \`$${parameter.number}\` here`,
      'Write the value itself. In a function, quote the body.',
    );
}

const QUERIES = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'CreateTableAsStmt',
]);

const LIMITED = `E.g. UPDATE t SET new = old WHERE id IN
  (SELECT id FROM t WHERE new IS NULL LIMIT 1000);`;

/** One data change, of which each run does a part. */
export function batchProblems(
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
  const [kind] = kindOf(first.node);
  if (kind !== 'UpdateStmt' && kind !== 'DeleteStmt' && kind !== 'InsertStmt')
    source.report(
      first.start,
      'a batch is an UPDATE, a DELETE or an INSERT',
      'Move other statements to `up`.',
    );
  else if (!inspect(first.node).hasLimit)
    source.report(first.start, 'the batch has no LIMIT, so it changes all rows at once', LIMITED);
}
