/** Plans statements on a server, many in one call, without running them or changing anything. */
import type { StatementUse, StatementVerdict } from '../contract/workload';
import { type Database, SqlError } from '../postgres/database';
import { readLongText } from '../postgres/long-text';
import { ANSWER_SETTING, MAX_STATEMENT_BYTES, PLAN_BLOCK_SQL, REQUEST_SETTING } from './sql/plan-function';
import { type PlanAnswer, toStatementVerdict } from './verdict';

export interface PlanOptions {
  /**
   * Time limit in milliseconds. Statements that are not planned by then are undecided.
   * @default 60_000
   */
  readonly budgetMs?: number;
}

/** Limits of one call. Its statements are passed in a setting, which must stay small. */
const MAX_CALL_STATEMENTS = 500;
const MAX_CALL_LENGTH = 4 * MAX_STATEMENT_BYTES;
/** Time that planning one statement may take beyond the budget. */
const STATEMENT_MARGIN_MS = 5_000;

/**
 * Returns one verdict for each statement, in order. They are planned with the privileges of the connected role; no
 * others are needed. Without a session (the Data API), the function in the schema trueup is called.
 * @throws {SqlError}
 */
export async function planStatements(
  db: Database,
  asked: readonly StatementUse[],
  { budgetMs = 60_000 }: PlanOptions = {},
): Promise<StatementVerdict[]> {
  const ends = Date.now() + budgetMs;
  const verdicts: StatementVerdict[] = [];
  for (const call of splitIntoCalls(asked)) {
    const left = Math.max(0, ends - Date.now());
    const answers = db.capabilities.session
      ? await queryAnswers(db, buildPlanRequest(call, left), left)
      : await planWithoutSession(db, call, Math.min(left, MAX_CALL_MS));
    verdicts.push(...call.map((_, i) => toStatementVerdict(answers?.[i] ?? TIMED_OUT_ANSWER)));
  }
  return verdicts;
}

/** The Data API ends a call after 45 seconds. */
const MAX_CALL_MS = 25_000;

/** Omits the planning time, so that the result is the same each time when it is read in pieces. */
const PLAN_CALL_SQL = `SELECT (SELECT pg_catalog.jsonb_agg(a.answer OPERATOR(pg_catalog.-) 'ms'::pg_catalog.text ORDER BY a.n)
FROM pg_catalog.jsonb_array_elements(trueup._plan($1::pg_catalog.text::pg_catalog.jsonb)) WITH ORDINALITY AS a (answer, n))::pg_catalog.text`;

async function planWithoutSession(
  db: Database,
  call: readonly StatementUse[],
  budgetMs: number,
): Promise<PlanAnswer[]> {
  return JSON.parse(
    (await readLongText(db, PLAN_CALL_SQL, [buildPlanRequest(call, budgetMs)]))!,
  ) as PlanAnswer[];
}

/** Returns the argument of `trueup._plan`. */
const buildPlanRequest = (asked: readonly StatementUse[], budgetMs: number): string =>
  JSON.stringify({
    budgetMs,
    outlives: true,
    statements: asked.map(({ text, role, searchPath }) => ({
      text: isSendable(text) ? text : null,
      role,
      path: searchPath,
    })),
  });

/** The answer for statements of a call that the server's time limit ended. */
const TIMED_OUT_ANSWER: PlanAnswer = {
  outcome: 'undecided',
  why: 'slow',
  parameters: [],
  relations: [],
  arbiters: [],
};

/** Splits the statements, in order, into calls within the limits. */
function splitIntoCalls(asked: readonly StatementUse[]): StatementUse[][] {
  const all: StatementUse[][] = [];
  let length = MAX_CALL_LENGTH;
  for (const each of asked) {
    const own = isSendable(each.text) ? each.text.length : 0;
    if (length + own > MAX_CALL_LENGTH || all.at(-1)!.length === MAX_CALL_STATEMENTS) {
      all.push([]);
      length = 0;
    }
    all.at(-1)!.push(each);
    length += own;
  }
  return all;
}

/** Whether a text can be sent. Without one, the server returns the reason why the statement is undecided. */
const isSendable = (text: string): boolean =>
  Buffer.byteLength(text) <= MAX_STATEMENT_BYTES && !text.includes('\0');

/** Returns undefined if the server's time limit ended the whole call. */
async function queryAnswers(
  db: Database,
  asked: string,
  budgetMs: number,
): Promise<PlanAnswer[] | undefined> {
  try {
    return await db.inReadOnlyTransaction(
      async (reads) => {
        await reads.query('SELECT pg_catalog.set_config($1, $2, true)', [REQUEST_SETTING, asked]);
        await reads.query(PLAN_BLOCK_SQL);
        const [row] = await reads.query<{ answer: string }>(
          'SELECT pg_catalog.current_setting($1) AS answer',
          [ANSWER_SETTING],
        );
        return JSON.parse(row!.answer) as PlanAnswer[];
      },
      {
        settings: {
          search_path: 'pg_catalog',
          statement_timeout: String(Math.ceil(budgetMs) + STATEMENT_MARGIN_MS),
        },
      },
    );
  } catch (error) {
    if (error instanceof SqlError && error.sqlstate === '57014') return undefined;
    throw error;
  }
}
