/** Comments on each pull request that a run was for. */
import { formatCode } from '../../report/markdown';
import { type GitHubClient, withRetries } from './api';
import { listPullRequests, type RunEvent } from './pull-request';
import { type CommentAction, type StickyComment, writeComment } from './sticky-comment';

/**
 * Writes the comment to each pull request, and returns what was done in each.
 * @throws {GitHubError}
 */
export async function commentOnPullRequests(
  github: GitHubClient,
  event: RunEvent,
  comment: Pick<StickyComment, 'author' | 'name' | 'markdown'>,
): Promise<readonly { readonly number: number; readonly comment: CommentAction }[]> {
  const { repository, headSha, runUrl } = event;
  const footer = `For commit ${formatCode(headSha)}. [The run](${encodeURI(runUrl)}) has the annotations.`;
  const markdown = `${comment.markdown}\n${footer}\n`;
  const written: { readonly number: number; readonly comment: CommentAction }[] = [];
  for (const number of await withRetries(() => listPullRequests(github, event))) {
    const done = await withRetries(() => writeComment(github, { ...comment, repository, number, markdown }));
    written.push({ number, comment: done });
  }
  return written;
}
