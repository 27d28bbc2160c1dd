/** The part of GitHub's REST API that a comment needs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { escapeForDisplay } from '../../../lambda/page/document/escape-text';

export interface GitHubClient {
  /**
   * Calls the API and returns the decoded response.
   * @throws {GitHubError}
   */
  call(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<unknown>;
}

/** An error response of GitHub, or no response. The message never contains the token. */
export class GitHubError extends Error {
  override readonly name = 'GitHubError';
  constructor(
    message: string,
    /** HTTP status; `null` if there was no response. */
    readonly status: number | null,
    /** How long to wait before the next attempt, if GitHub says so. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }

  get remedy(): string {
    const { status } = this;
    if (status === 401) return 'GITHUB_TOKEN is not valid; use the token of the workflow (`github.token`).';
    if (status === 403 || status === 404)
      return 'Give the job the permission `pull-requests: write`. If that is not allowed, use --print and the step summary.';
    return 'Run it again later.';
  }

  /** Whether a retry may help. GitHub also uses 403 and 429 for rate limits, and then says when to retry. */
  get willPass(): boolean {
    return this.status === null || this.status >= 500 || this.retryAfterMs !== null;
  }
}

const MAX_ATTEMPTS = 4;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 60_000;

/**
 * Retries the work if that may help.
 * @param work reads the present state before it writes: a request whose response was lost may have succeeded
 */
export async function withRetries<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GitHubError) || !error.willPass || attempt === MAX_ATTEMPTS) throw error;
      await sleep(Math.min(error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (attempt - 1), MAX_WAIT_MS));
    }
  }
}

const ANSWER_TIMEOUT_MS = 15_000;
const MAX_MESSAGE_LENGTH = 300;

/**
 * Returns a client for the API.
 * @param url e.g. `https://api.github.com`, without a slash at the end
 */
export const createGitHubClient = (url: string, token: string): GitHubClient => ({
  async call(method, path, body) {
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${url}${path}`, {
        method,
        // The token must not be sent to another host.
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
      throw new GitHubError(`no response from ${url}`, null);
    }
    const decoded = parseJson(text);
    if (answer.ok && decoded !== undefined) return decoded;
    throw new GitHubError(
      `${method} ${path.split('?')[0]} answered ${answer.status}${readErrorMessage(decoded)}`,
      answer.status,
      parseRetryAfterMs(answer.headers.get('retry-after')),
    );
  },
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readErrorMessage(decoded: unknown): string {
  const { message } = (decoded ?? {}) as { message?: unknown };
  return typeof message === 'string' ? `: ${escapeForDisplay(message.slice(0, MAX_MESSAGE_LENGTH))}` : '';
}

const parseRetryAfterMs = (seconds: string | null): number | null =>
  seconds !== null && /^\d+$/.test(seconds) ? Number(seconds) * 1_000 : null;
