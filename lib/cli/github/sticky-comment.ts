/** One comment of ours on a pull request, which each run writes anew. */
import type { GitHub } from './api';

export interface StickyComment {
  /** `owner/name` */
  readonly repository: string;
  /** Of the pull request. */
  readonly number: number;
  /** Only a comment of this account is ever changed. */
  readonly author: string;
  /** Tells comments for several folders apart. */
  readonly name: string;
  readonly markdown: string;
}

const PAGE = 100;
const MOST_PAGES = 50;

const markerOf = (name: string): string => `<!-- trueup ${Buffer.from(name).toString('base64url')} -->`;

export type Written = 'created' | 'edited' | 'unchanged';

/** @returns what was done. @throws {GitHubError} */
export async function writeComment(github: GitHub, comment: StickyComment): Promise<Written> {
  const { repository, number, markdown, name } = comment;
  const body = `${markerOf(name)}\n${markdown}`;
  const own = await ownComment(github, comment);
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

/** Anybody may write our marker; nobody else writes it under our name. */
async function ownComment(
  github: GitHub,
  { repository, number, author, name }: StickyComment,
): Promise<Comment | undefined> {
  const marker = markerOf(name);
  for (let page = 1; page <= MOST_PAGES; page++) {
    const answer = await github.call(
      'GET',
      `/repos/${repository}/issues/${number}/comments?per_page=${PAGE}&page=${page}`,
    );
    const comments = answer as readonly (Comment & { readonly user: { readonly login: string } | null })[];
    const own = comments.find(({ user, body }) => user?.login === author && body.startsWith(marker));
    if (own || comments.length < PAGE) return own;
  }
  return undefined;
}
