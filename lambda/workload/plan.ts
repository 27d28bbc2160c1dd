/** Statements are planned on a server, many in one call. Nothing is run, and nothing changes. */
import type { Asked, Verdict } from '../contract/workload';
import { type Database, SqlError } from '../postgres/database';
import { readLongText } from '../postgres/long-text';
import { ANSWER, ASKED, MAX_LENGTH, PLAN_BLOCK } from './sql/plan';
import { type Answer, verdictOf } from './verdict';

export interface PlanOptions {
  /** What is not asked by then is undecided. @default - 60,000 ms */
  readonly budgetMs?: number;
}

/** A call is bounded by both, so that a setting of the session stays small. */
const CALL_STATEMENTS = 500;
const CALL_LENGTH = 4 * MAX_LENGTH;
/** What planning one statement may take beyond the budget. */
const ONE_MS = 5_000;

/**
 * One verdict for each of `asked`, in order. The statements are planned with the rights of whoever is connected, who needs no
 * others; without a session (the Data API), the function in schema trueup is called.
 * @throws {SqlError}
 */
export async function planStatements(
  db: Database,
  asked: readonly Asked[],
  { budgetMs = 60_000 }: PlanOptions = {},
): Promise<Verdict[]> {
  const ends = Date.now() + budgetMs;
  const verdicts: Verdict[] = [];
  for (const call of calls(asked)) {
    const left = Math.max(0, ends - Date.now());
    const answers = db.capabilities.session
      ? await answersOf(db, questionOf(call, left), left)
      : await answersWithoutSession(db, call, Math.min(left, CALL_MS));
    verdicts.push(...call.map((_, i) => verdictOf(answers?.[i] ?? UNANSWERED)));
  }
  return verdicts;
}

/** The Data API ends a call after 45 seconds. */
const CALL_MS = 25_000;

/** Without what planning took: asked in pieces, the answer is the same each time. */
const PLAN_CALL = `SELECT (SELECT pg_catalog.jsonb_agg(a.answer OPERATOR(pg_catalog.-) 'ms'::pg_catalog.text ORDER BY a.n)
FROM pg_catalog.jsonb_array_elements(trueup._plan($1::pg_catalog.text::pg_catalog.jsonb)) WITH ORDINALITY AS a (answer, n))::pg_catalog.text`;

async function answersWithoutSession(
  db: Database,
  call: readonly Asked[],
  budgetMs: number,
): Promise<Answer[]> {
  return JSON.parse((await readLongText(db, PLAN_CALL, [questionOf(call, budgetMs)]))!) as Answer[];
}

/** As `trueup._plan` takes it. */
const questionOf = (asked: readonly Asked[], budgetMs: number): string =>
  JSON.stringify({
    budgetMs,
    outlives: true,
    statements: asked.map(({ text, role, searchPath }) => ({
      text: sendable(text) ? text : null,
      role,
      path: searchPath,
    })),
  });

/** The server's limit for the whole call came first. */
const UNANSWERED: Answer = { outcome: 'undecided', why: 'slow', parameters: [], relations: [], arbiters: [] };

/** In order, and none of them longer than a call may be. */
function calls(asked: readonly Asked[]): Asked[][] {
  const all: Asked[][] = [];
  let length = CALL_LENGTH;
  for (const each of asked) {
    const own = sendable(each.text) ? each.text.length : 0;
    if (length + own > CALL_LENGTH || all.at(-1)!.length === CALL_STATEMENTS) {
      all.push([]);
      length = 0;
    }
    all.at(-1)!.push(each);
    length += own;
  }
  return all;
}

/** What does not travel: the server is told that there is a statement, and says why it is undecided. */
const sendable = (text: string): boolean => Buffer.byteLength(text) <= MAX_LENGTH && !text.includes('\0');

/** Undefined where the server's limit for the whole call came first. */
async function answersOf(db: Database, asked: string, budgetMs: number): Promise<Answer[] | undefined> {
  const setting = 'SELECT pg_catalog.set_config($1, $2, false)';
  await db.query(setting, [ASKED, asked]);
  try {
    await db.query(PLAN_BLOCK, undefined, {
      transaction_read_only: 'on',
      search_path: 'pg_catalog',
      statement_timeout: String(Math.ceil(budgetMs) + ONE_MS),
    });
  } catch (error) {
    if (error instanceof SqlError && error.sqlstate === '57014') return undefined;
    throw error;
  }
  const [row] = await db.query<{ answer: string }>('SELECT pg_catalog.current_setting($1) AS answer', [
    ANSWER,
  ]);
  await db.query(setting, [ANSWER, '']);
  return JSON.parse(row!.answer) as Answer[];
}
