/** A single comment on a pull request, which each run updates. */
import type { GitHubClient } from './api';

export interface StickyComment {
  /** The repository as `owner/name`. */
  readonly repository: string;
  /** Number of the pull request. */
  readonly number: number;
  /** Account of the token; only its comments are ever changed. */
  readonly author: string;
  /** Distinguishes the comments of several folders. */
  readonly name: string;
  readonly markdown: string;
}

const PAGE_SIZE = 100;
const MAX_PAGES = 50;

const buildMarker = (name: string): string => `<!-- trueup ${Buffer.from(name).toString('base64url')} -->`;

export type CommentAction = 'created' | 'edited' | 'unchanged';

/**
 * Creates or updates the comment.
 * @returns what was done
 * @throws {GitHubError}
 */
export async function writeComment(github: GitHubClient, comment: StickyComment): Promise<CommentAction> {
  const { repository, number, markdown, name } = comment;
  const body = `${buildMarker(name)}\n${markdown}`;
  const own = await findOwnComment(github, comment);
  if (own?.body === body) return 'unchanged';
  if (own === undefined) {
    await github.call('POST', `/repos/${repository}/issues/${number}/comments`, { body });
    return 'created';
  }
  await github.call('PATCH', `/repos/${repository}/issues/comments/${own.id}`, { body });
  return 'edited';
}

interface Comment {
  readonly id: number;
  readonly body: string;
}

/** Finds the existing comment. Anyone may write the marker, but only this account can write it under its own name. */
async function findOwnComment(
  github: GitHubClient,
  { repository, number, author, name }: StickyComment,
): Promise<Comment | undefined> {
  const marker = buildMarker(name);
  for (let page = 1; page <= MAX_PAGES; page++) {
    const answer = await github.call(
      'GET',
      `/repos/${repository}/issues/${number}/comments?per_page=${PAGE_SIZE}&page=${page}`,
    );
    const comments = answer as readonly (Comment & { readonly user: { readonly login: string } | null })[];
    const own = comments.find(({ user, body }) => user?.login === author && body.startsWith(marker));
    if (own || comments.length < PAGE_SIZE) return own;
  }
  return undefined;
}
