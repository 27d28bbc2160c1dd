/** Statements are planned on a server, many in one call. Nothing is run, and nothing changes. */
import type { Asked, Verdict } from '../contract/workload';
import { type Database, SqlError } from '../postgres/database';
import { ANSWER, ASKED, PLAN_BLOCK } from './plan-sql';
import { type Answer, verdictOf } from './verdict';

export interface PlanOptions {
  /** What is not asked by then is undecided. @default - 60,000 ms */
  readonly budgetMs?: number;
}

/** The server takes more; no application sends them. */
const MAX_LENGTH = 1024 * 1024;
const MAX_PARAMETERS = 1_000;
/** A call is bounded by both, so that a setting of the session stays small. */
const CALL_STATEMENTS = 500;
const CALL_LENGTH = 4 * MAX_LENGTH;
/** What planning one statement may take beyond the budget. */
const ONE_MS = 5_000;

/**
 * One verdict for each of `asked`, in order. The database has to be one session (`pg`), and the statements are planned
 * with the rights of whoever is connected.
 * @throws {SqlError}
 */
export async function planStatements(
  db: Database,
  asked: readonly Asked[],
  { budgetMs = 60_000 }: PlanOptions = {},
): Promise<Verdict[]> {
  const [session] = await db.query<{ role: string; path: string }>(
    `SELECT current_user::text AS role,
       (SELECT s.reset_val FROM pg_catalog.pg_settings s WHERE s.name = 'search_path') AS path`,
  );
  const { role, path } = session!;
  const ends = Date.now() + budgetMs;
  const verdicts: Verdict[] = [];
  for (const call of calls(asked)) {
    const answers = await askServer(db, call, path, Math.max(0, ends - Date.now()));
    verdicts.push(...call.map((each, i) => verdictOf(each, answers[i]!, role)));
  }
  return verdicts;
}

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

function sendable(text: string): boolean {
  if (Buffer.byteLength(text) > MAX_LENGTH || text.includes('\0')) return false;
  return !text.match(/\$\d+/g)?.some((parameter) => Number(parameter.slice(1)) > MAX_PARAMETERS);
}

const NOTHING = { parameters: [], relations: [] };

async function askServer(
  db: Database,
  asked: readonly Asked[],
  path: string,
  budgetMs: number,
): Promise<Answer[]> {
  const sent = asked.filter(({ text }) => sendable(text));
  const statements = sent.map(({ text, role, searchPath }) => ({
    text,
    path: (searchPath ?? path).replaceAll('"$user"', role === null ? '"$user"' : quoted(role)),
    guessed: searchPath === null,
  }));
  const answered = await answersOf(db, JSON.stringify({ budgetMs, statements }), budgetMs);
  const answers = (answered ?? sent.map(() => ({ ...NOTHING, reason: 'slow' })))[Symbol.iterator]();
  return asked.map(({ text }) =>
    sendable(text) ? (answers.next().value as Answer) : { ...NOTHING, reason: 'long' },
  );
}

const quoted = (role: string): string => `"${role.replaceAll('"', '""')}"`;

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
