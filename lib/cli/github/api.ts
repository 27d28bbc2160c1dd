/** GitHub's REST API, as far as a comment needs it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { harmless } from '../../../lambda/page/document/harmless';

export interface GitHub {
  /** The decoded answer. @throws {GitHubError} */
  call(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<unknown>;
}

/** What GitHub answered, or that it did not. Never holds the token. */
export class GitHubError extends Error {
  override readonly name = 'GitHubError';
  constructor(
    message: string,
    /** Null where no answer came. */
    readonly status: number | null,
    /** How long to wait before the next attempt, where GitHub says so. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }

  get remedy(): string {
    const { status } = this;
    if (status === 401) return 'GITHUB_TOKEN is not valid; take that of the workflow (`github.token`).';
    if (status === 403 || status === 404)
      return 'Give the job `pull-requests: write`; where that is forbidden, use --print and the step summary.';
    return 'Run it again later.';
  }

  /** 403 and 429 are also how GitHub answers who asks too often; then it says when to come back. */
  get willPass(): boolean {
    return this.status === null || this.status >= 500 || this.retryAfterMs !== null;
  }
}

const ATTEMPTS = 4;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 60_000;

/**
 * Again, where that may help.
 * @param work looks at what is there before it writes: an answer that was lost may have been to something that is done
 */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GitHubError) || !error.willPass || attempt === ATTEMPTS) throw error;
      await sleep(Math.min(error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS));
    }
  }
}

const ANSWER_TIMEOUT_MS = 15_000;
const LONGEST_WORDS = 300;

/** @param url e.g. `https://api.github.com`, without a slash at the end */
export const gitHub = (url: string, token: string): GitHub => ({
  async call(method, path, body) {
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${url}${path}`, {
        method,
        // A token is for the host that it was given to.
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
        headers: {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${token}`,
          'user-agent': 'trueup',
          'x-github-api-version': '2022-11-28',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await answer.text();
    } catch {
      throw new GitHubError(`no answer from ${url}`, null);
    }
    const decoded = decode(text);
    if (answer.ok && decoded !== undefined) return decoded;
    throw new GitHubError(
      `${method} ${path.split('?')[0]} answered ${answer.status}${wordsOf(decoded)}`,
      answer.status,
      waitOf(answer.headers.get('retry-after')),
    );
  },
});

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wordsOf(decoded: unknown): string {
  const { message } = (decoded ?? {}) as { message?: unknown };
  return typeof message === 'string' ? `: ${harmless(message.slice(0, LONGEST_WORDS))}` : '';
}

const waitOf = (seconds: string | null): number | null =>
  seconds !== null && /^\d+$/.test(seconds) ? Number(seconds) * 1_000 : null;
